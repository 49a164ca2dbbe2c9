// The files of deploy/: each is read by the tool that will read it, or held to that tool's schema.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { HorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1/PodDisruptionBudget";
import { PersistentVolumeClaim } from "kubernetes-models/v1/PersistentVolumeClaim";
import { Service } from "kubernetes-models/v1/Service";
import { ServiceAccount } from "kubernetes-models/v1/ServiceAccount";
import { expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { CLOSE_MS, DRAIN_MS } from "../../src/app/stop-times.ts";
import { loadConfig } from "../../src/config/config.ts";
import { SETTINGS } from "../../src/config/variables.ts";
import { createTestDatabase } from "../support/postgres/postgres.ts";
import { startServer } from "../support/servers/process.ts";

const ROOT = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(ROOT, "deploy", path), "utf8");

/** Skips with a line that says what to install. */
function toolFor(what: string, path: string, package_: string): boolean {
  if (existsSync(path)) return true;
  process.stderr.write(`${path} is not installed (apt-get install ${package_}): skipping ${what}\n`);
  return false;
}

/** Whether the name is one of a setting, or of a file with its value. */
const isSetting = (name: string) => SETTINGS.includes(name.replace(/_FILE$/, ""));

/** The longest that a server takes to stop, in seconds. */
const stopSeconds = (environment: Record<string, string>) =>
  (loadConfig(environment).drainDelayMs + DRAIN_MS + CLOSE_MS) / 1_000;

test("systemd takes the unit, and finds little that it could do beside its work", () => {
  const unit = read("systemd/colloquy.service");
  const seconds = Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]);
  expect(seconds).toBeGreaterThan(stopSeconds({ COLLOQUY_PROFILE: "production" }));
  if (!toolFor("the check of the unit", "/usr/bin/systemd-analyze", "systemd")) return;
  const path = join(ROOT, "deploy/systemd/colloquy.service");
  const verify = spawnSync("/usr/bin/systemd-analyze", ["verify", path], { encoding: "utf8" });
  const complaints = verify.stderr.split("\n").filter((line) => line !== "" && !/is not executable/.test(line));
  expect(complaints).toEqual([]);
  const security = spawnSync("/usr/bin/systemd-analyze", ["security", "--offline=true", "--threshold=20", path]);
  expect(security.status).toBe(0);
});

const MODELS: Readonly<Record<string, new (json: never) => { validate(): void }>> = {
  Deployment,
  HorizontalPodAutoscaler,
  PersistentVolumeClaim,
  PodDisruptionBudget,
  Service,
  ServiceAccount,
};

/** The manifests, by kind. */
function manifests() {
  const all = parseAllDocuments(read("kubernetes/colloquy.yaml"), { merge: true }).map((one) => one.toJS());
  return Object.fromEntries(all.map((manifest) => [manifest.kind, manifest]));
}

test("Kubernetes' schemas take the manifests", () => {
  const all = manifests();
  expect(Object.keys(all).sort()).toEqual(Object.keys(MODELS));
  for (const [kind, manifest] of Object.entries(all)) new MODELS[kind]!(manifest as never).validate();
  // The schemas can refuse.
  const { Deployment: wrong } = manifests();
  wrong.spec.minReadySeconds = "two";
  expect(() => new Deployment(wrong).validate()).toThrow("minReadySeconds must be integer");
});

test("the autoscaler alone says how many pods there are: each apply of a number would put it back", () => {
  const { Deployment: deployment, HorizontalPodAutoscaler: scaler } = manifests();
  expect(scaler.spec.scaleTargetRef).toMatchObject({ kind: "Deployment", name: deployment.metadata.name });
  expect(scaler.spec.minReplicas).toBe(2);
  expect(deployment.spec).not.toHaveProperty("replicas");
});

test("the autoscaler asks only for what Kubernetes' own metrics server has", () => {
  const { spec } = manifests().HorizontalPodAutoscaler;
  expect(spec.metrics.map(({ type }: { type: string }) => type)).toEqual(["Resource"]);
});

test("Kubernetes' pods have settings that exist, and time to stop", () => {
  const { spec } = manifests().Deployment.spec.template;
  for (const { env } of [...spec.containers, ...spec.initContainers]) {
    expect(env.map(({ name }: { name: string }) => name).filter((name: string) => !isSetting(name))).toEqual([]);
    const environment = Object.fromEntries(
      env
        .filter(({ name }: { name: string }) => !name.endsWith("_FILE"))
        .map(({ name, value }: { name: string; value: string }) => [name, value]),
    );
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(stopSeconds(environment));
  }
  const [server] = spec.containers;
  expect(server.readinessProbe.grpc.port).toBe(loadConfig({}).port);
  expect([server.startupProbe, server.livenessProbe].map(({ httpGet }) => httpGet.path)).toEqual([
    "/healthz",
    "/healthz",
  ]);
});

test("Kubernetes' pods share the folder of files, and it is not gone with them", () => {
  const { Deployment: deployment, PersistentVolumeClaim: claim } = manifests();
  const { spec } = deployment.spec.template;
  const [server] = spec.containers;
  const place = server.env.find(({ name }: { name: string }) => name === "COLLOQUY_FILES")?.value;
  const mount = server.volumeMounts.find(({ mountPath }: { mountPath: string }) => place === `disk:${mountPath}`);
  const volume = spec.volumes.find(({ name }: { name: string }) => name === mount?.name);
  expect(volume?.persistentVolumeClaim).toEqual({ claimName: claim?.metadata.name });
  expect(claim?.spec.accessModes).toEqual(["ReadWriteMany"]);
});

test("the compose file has settings that exist, locked containers, and no secret", () => {
  const { services, secrets, volumes } = parse(read("compose.yaml"));
  for (const name of ["colloquy", "migrate"]) {
    const { environment, read_only, cap_drop } = services[name];
    expect(Object.keys(environment).filter((variable) => !isSetting(variable))).toEqual([]);
    expect([read_only, cap_drop]).toEqual([true, ["ALL"]]);
  }
  expect(Number.parseInt(services.colloquy.stop_grace_period, 10)).toBeGreaterThan(
    stopSeconds({ COLLOQUY_PROFILE: "production" }),
  );
  expect(Object.keys(secrets)).toEqual(["database_url", "database_password"]);
  expect(Object.keys(volumes)).toEqual(["data", "database"]);
  // The server that makes the database listens on the Unix socket alone.
  expect(services.database.healthcheck.test.join(" ")).toContain("pg_isready -h 127.0.0.1 ");
  for (const { file } of Object.values<{ file: string }>(secrets)) expect(file).toMatch(/^\.\/secrets\//);
  for (const list of [".gitignore", ".dockerignore"]) {
    expect(
      readFileSync(join(ROOT, list), "utf8")
        .split("\n")
        .filter((line) => /^deploy\/secrets\/?$/.test(line)),
    ).toHaveLength(1);
  }
});

test("the image has settings that exist, and runs as no root", () => {
  const lines = read("Containerfile");
  const variables = [...lines.matchAll(/^(?:ENV|\s+)\s*([A-Z_]+)=/gm)].map(([, name = ""]) => name);
  expect(variables.filter((name) => name !== "PATH" && !isSetting(name))).toEqual([]);
  expect(lines).toMatch(/^USER 10001$/m);
  const { bin } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const [command] = Object.keys(bin);
  expect(lines).toContain(`ENTRYPOINT ["${command}"]`);
  // It follows PORT, HOST and TLS_CERT.
  expect(lines).toContain(`CMD ["${command}", "doctor", "--ready"]`);
});

test("Prometheus takes the rules, and each fires on what it is for", () => {
  if (!toolFor("the check of the alert rules", "/usr/bin/promtool", "prometheus")) return;
  const run = (...words: string[]) => execFileSync("/usr/bin/promtool", words, { encoding: "utf8", stdio: "pipe" });
  expect(run("check", "rules", join(ROOT, "deploy/prometheus/colloquy.rules.yml"))).toContain("7 rules found");
  expect(run("test", "rules", join(import.meta.dirname, "colloquy.rules.test.yml"))).toContain("SUCCESS");
  const fired = parse(readFileSync(join(import.meta.dirname, "colloquy.rules.test.yml"), "utf8")).tests.flatMap(
    ({ alert_rule_test }: { alert_rule_test: { alertname: string; exp_alerts?: unknown[] }[] }) =>
      alert_rule_test.filter(({ exp_alerts = [] }) => exp_alerts.length > 0).map(({ alertname }) => alertname),
  );
  const rules = parse(read("prometheus/colloquy.rules.yml")).groups[0].rules.map(
    ({ alert }: { alert: string }) => alert,
  );
  expect([...new Set(fired)].sort()).toEqual([...rules].sort());
});

test("alert rules and the dashboard ask for metrics that a server has", async () => {
  await using own = await createTestDatabase();
  const server = startServer({ DATABASE_URL: own.url, PORT: "0", COLLOQUY_COMPAT: "", LOG_LEVEL: "warn" });
  const url = /http:\S+/.exec(await server.ready)?.[0] ?? "";
  await fetch(`${url}/v1/conversations`);
  const text = await (await fetch(`${url}/metrics`)).text();
  server.signal("SIGTERM");
  await server.ended;
  const asked = [read("prometheus/colloquy.rules.yml"), read("grafana/colloquy.json")].flatMap((file) => [
    ...file.matchAll(/\b(?:colloquy_ready\b|(?:colloquy_(?:rpc|database|shed|event)|nodejs|process)_[a-z0-9_]+)/g),
  ]);
  expect(text).toContain("\ncolloquy_ready 1\n");
  const missing = new Set(asked.map(([name]) => name).filter((name) => !text.includes(`\n${name}`)));
  expect([...missing]).toEqual([]);
}, 120_000);

test("the dashboard is what its script writes", () => {
  const dashboard = JSON.parse(read("grafana/colloquy.json"));
  const folder = mkdtempSync(join(tmpdir(), "colloquy-dashboard-"));
  const file = join(folder, "written.json");
  execFileSync(process.execPath, ["scripts/dashboard.ts", file], { cwd: ROOT });
  const written = readFileSync(file, "utf8");
  rmSync(folder, { recursive: true });
  expect(dashboard).toEqual(JSON.parse(written));
  for (const { targets, gridPos } of dashboard.panels) {
    expect(targets.length).toBeGreaterThan(0);
    expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  }
});

interface Envoy {
  static_resources: {
    listeners: { filter_chains: { filters: { typed_config: { route_config: EnvoyRoutes } }[] }[] }[];
    clusters: { name: string; health_checks: { http_health_check: object }[]; load_assignment: object }[];
  };
}
interface EnvoyRoutes {
  virtual_hosts: { routes: { route: { cluster: string; timeout: string } }[] }[];
}

// Debian has no Envoy to ask.
test("Envoy's configuration is YAML, and leads streams of any length to a server that is checked", () => {
  const page = readFileSync(join(ROOT, "docs/operations.md"), "utf8");
  const { static_resources: envoy } = parse(/```yaml\n(static_resources:.*?)```/s.exec(page)?.[1] ?? "") as Envoy;
  const routes = envoy.listeners
    .flatMap(({ filter_chains }) => filter_chains.flatMap(({ filters }) => filters))
    .flatMap(({ typed_config: { route_config } }) => route_config.virtual_hosts.flatMap(({ routes: all }) => all));
  expect(routes.map(({ route: { cluster, timeout } }) => ({ cluster, timeout }))).toEqual([
    { cluster: "colloquy", timeout: "0s" },
  ]);
  expect(envoy.clusters).toMatchObject([
    {
      name: "colloquy",
      health_checks: [{ http_health_check: { path: "/readyz", codec_client_type: "HTTP2" } }],
      load_assignment: {
        cluster_name: "colloquy",
        endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { port_value: 8080 } } } }] }],
      },
    },
  ]);
});

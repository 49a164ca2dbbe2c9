// Builds the image of deploy/Containerfile on a base of Debian's packages, and runs it: npm run test:image
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../support/services/free-port.ts";

const ROOT = join(import.meta.dirname, "../..");
/** The user that the image runs as. */
const USER = 10001;
const READY_WITHIN_MS = 120_000;
const STOPPED_WITHIN_MS = 60_000;

/** What is missing here, in a sentence; undefined: nothing. */
function missing(): string | undefined {
  if (process.getuid?.() !== 0) return "building without a container engine needs root";
  for (const [tool, package_] of [
    ["/usr/bin/buildah", "buildah"],
    ["/usr/bin/mmdebstrap", "mmdebstrap"],
    ["/usr/bin/unshare", "util-linux"],
  ] as const) {
    if (!existsSync(tool)) return `${tool} is not installed (apt-get install ${package_})`;
  }
  return undefined;
}

function run(tool: string, args: readonly string[]): string {
  process.stdout.write(`$ ${tool} ${args.join(" ")}\n`);
  return execFileSync(tool, args, {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 2 ** 28,
  });
}

function check(what: string, holds: boolean): void {
  process.stdout.write(`${holds ? "ok" : "FAILED"}: ${what}\n`);
  if (!holds) process.exitCode = 1;
}

/**
 * What npm needs in a build behind a proxy with certificates of its own: those that Node trusts here besides, mounted
 * while the image is built and no part of it.
 */
function npmSettings(folder: string): string[] {
  const certificates = process.env.NODE_EXTRA_CA_CERTS;
  if (certificates === undefined) return [];
  const settings = join(folder, "npmrc");
  writeFileSync(settings, "cafile=/run/npm-certificates.pem\n");
  return ["--volume", `${settings}:/root/.npmrc:ro`, "--volume", `${certificates}:/run/npm-certificates.pem:ro`];
}

/** Starts a program in the image as its user, with a root that cannot be written to but for `/data` and `/tmp`. */
function startIn(root: string, settings: Readonly<Record<string, string>>, program: readonly string[]): ChildProcess {
  const words = [...Object.entries(settings).map(([name, value]) => `${name}=${value}`), ...program];
  const quoted = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const script = [
    `mount --bind ${root} ${root}`,
    `mount -t proc proc ${root}/proc`,
    `mount -t tmpfs -o mode=1777 tmpfs ${root}/tmp`,
    `mount --rbind /dev ${root}/dev`,
    `mkdir -p ${root}/../data && chown ${USER}:${USER} ${root}/../data`,
    `mount --bind ${root}/../data ${root}/data`,
    `mount -o remount,ro,bind ${root}`,
    `exec /usr/sbin/chroot --userspec=${USER}:${USER} ${root} /usr/bin/env -i ${quoted}`,
  ];
  return spawn("unshare", ["--mount", "--propagation", "private", "sh", "-ec", script.join("\n")], {
    stdio: ["ignore", "inherit", "inherit"],
  });
}

async function isReady(port: number, child: ChildProcess): Promise<boolean> {
  const until = Date.now() + READY_WITHIN_MS;
  while (Date.now() < until && child.exitCode === null) {
    try {
      if ((await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200) return true;
    } catch {
      // Not yet.
    }
    await sleep(200);
  }
  return false;
}

const ended = (child: ChildProcess) =>
  new Promise<number | null>((resolve) =>
    child.exitCode === null ? child.once("exit", resolve) : resolve(child.exitCode),
  );

interface ImageConfig {
  readonly OCIv1: { readonly config: Readonly<Record<string, unknown>> };
  readonly Docker: { readonly config: { readonly Env: string[]; readonly Healthcheck?: { readonly Test: string[] } } };
}

async function tryImage(folder: string): Promise<void> {
  const storage = ["--root", join(folder, "storage"), "--runroot", join(folder, "run"), "--storage-driver", "vfs"];
  const buildah = (...args: string[]) => run("/usr/bin/buildah", [...storage, ...args]).trim();
  const base = join(folder, "base.tar");
  run("/usr/bin/mmdebstrap", ["--quiet", "--variant=apt", "bookworm", base, "/etc/apt/sources.list.d/debian.sources"]);
  const scratch = buildah("from", "scratch");
  buildah("add", scratch, base, "/");
  buildah("commit", "--quiet", "--rm", scratch, "localhost/debian-base");
  rmSync(base);
  buildah(
    ...["build", "--quiet", "--isolation", "chroot", "--format", "docker", "--pull-never"],
    ...["--build-arg", "BASE=localhost/debian-base", ...npmSettings(folder)],
    ...["--file", "deploy/Containerfile", "--tag", "localhost/colloquy", "."],
  );
  const { OCIv1, Docker } = JSON.parse(buildah("inspect", "--type", "image", "localhost/colloquy")) as ImageConfig;
  check("it runs as a user of its own", OCIv1.config.User === `${USER}`);
  check("it is stopped by SIGTERM", OCIv1.config.StopSignal === "SIGTERM");

  const container = buildah("from", "--pull-never", "localhost/colloquy");
  const root = buildah("mount", container);
  // A mount leaves its place behind, as an empty file.
  const npmrc = join(root, "root/.npmrc");
  const isClean = !existsSync(npmrc) || readFileSync(npmrc).length === 0;
  check("it has no npm and no settings of whoever built it", !existsSync(join(root, "usr/bin/npm")) && isClean);
  const bill = JSON.parse(readFileSync(join(root, "app/sbom.json"), "utf8")) as { components: Array<{ name: string }> };
  check(
    "its bill of materials names what it holds",
    bill.components.some(({ name }) => name === "colloquy"),
  );

  const port = await freePort();
  const environment = Object.fromEntries(Docker.config.Env.map((line) => line.split(/=(.*)/s).slice(0, 2)));
  const settings = { ...environment, PORT: `${port}`, HOST: "127.0.0.1", COLLOQUY_DRAIN_DELAY: "0" };
  const server = startIn(root, settings, ["colloquy", "serve"]);
  try {
    check("it gets ready on a root that cannot be written to", await isReady(port, server));
    const [, ...probe] = Docker.config.Healthcheck?.Test ?? [];
    const probed = startIn(root, settings, probe);
    check("its health check passes, without a shell", (await ended(probed)) === 0);
    server.kill("SIGTERM");
    const stopped = await Promise.race([ended(server), sleep(STOPPED_WITHIN_MS, "late")]);
    check("it stops on SIGTERM", stopped === 0);
    const late = startIn(root, settings, probe);
    check("its health check fails once it has stopped", (await ended(late)) === 1);
  } finally {
    server.kill("SIGKILL");
    buildah("umount", container);
  }
}

const reason = missing();
if (reason !== undefined) {
  process.stdout.write(`skipping the image: ${reason}\n`);
} else {
  const folder = mkdtempSync(join(tmpdir(), "colloquy-image-"));
  mkdirSync(join(folder, "storage"));
  try {
    await tryImage(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

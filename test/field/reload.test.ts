// Renewed certificates, without a restart.
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { watchCertificate } from "../../src/server/certificate.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { type RunningServer, startServer } from "../support/servers/process.ts";

const directory = mkdtempSync(join(tmpdir(), "colloquy-tls-"));
const [certFile, keyFile] = [join(directory, "cert.pem"), join(directory, "key.pem")];
const made = (name: string) => [join(directory, `${name}.cert`), join(directory, `${name}.key`)] as const;
/** A busy machine takes its time. */
const LONG = { timeout: 45_000 };
let own: TestDatabase;

beforeAll(async () => {
  for (const name of ["first", "second", "third"]) {
    const [cert, key] = made(name);
    const words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    execFileSync("openssl", [...words, "-subj", `/CN=${name}`, "-keyout", key, "-out", cert], { stdio: "ignore" });
  }
  own = await createTestDatabase();
});
afterAll(async () => {
  await own.drop();
  rmSync(directory, { recursive: true });
});

/** As certbot does it: each file is replaced as a whole. */
function renew(name: string): void {
  for (const [from, to] of [
    [made(name)[0], certFile],
    [made(name)[1], keyFile],
  ] as const) {
    copyFileSync(from, `${to}.new`);
    renameSync(`${to}.new`, to);
  }
}

function certificateOf(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(
      { host: hostname, port: Number(port), rejectUnauthorized: false, ALPNProtocols: ["h2"] },
      () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      },
    );
    socket.on("error", reject);
  });
}

/** What the workers show, which take connections in turns and renew each by itself. */
async function certificatesOf(url: string): Promise<string[]> {
  return [...new Set(await Promise.all([1, 2, 3, 4].map(() => certificateOf(url))))];
}

describe.each(["1", "2"])("F-RELOAD: with %s worker(s)", (COLLOQUY_WORKERS) => {
  test("SIGHUP ends nothing and brings the renewed certificate; a broken pair leaves the old one", async () => {
    renew("first");
    const environment = { TLS_CERT: certFile, TLS_KEY: keyFile, DATABASE_URL: own.url, PORT: "0", COLLOQUY_COMPAT: "" };
    const server: RunningServer = startServer({ ...environment, COLLOQUY_WORKERS });
    try {
      const url = (await server.ready).replace("Colloquy is ready at ", "");
      expect(await certificateOf(url)).toBe("first");
      renew("second");
      server.signal("SIGHUP");
      await expect.poll(() => certificatesOf(url), LONG).toEqual(["second"]);

      const refused = server.logs("invalid certificate: the old one stays in use");
      writeFileSync(keyFile, "not a key");
      server.signal("SIGHUP");
      await refused;
      expect(await certificatesOf(url)).toEqual(["second"]);
      renew("third");
      server.signal("SIGHUP");
      await expect.poll(() => certificatesOf(url), LONG).toEqual(["third"]);
    } finally {
      server.signal("SIGTERM");
    }
    expect((await server.ended).status).toBe(0);
  });
});

test("F-RELOAD: a secret that Kubernetes mounts changes by one symbolic link, and so do both files", async () => {
  const place = (name: string) => join(directory, `..${name}`);
  for (const name of ["first", "second"]) {
    mkdirSync(place(name));
    copyFileSync(made(name)[0], join(place(name), "tls.crt"));
    copyFileSync(made(name)[1], join(place(name), "tls.key"));
  }
  const data = join(directory, "..data");
  symlinkSync(place("first"), data);
  const files = ["tls.crt", "tls.key"].map((name) => join(directory, name));
  for (const file of files) symlinkSync(join(data, basename(file)), file);
  const used: string[] = [];
  const logger = { info: () => {}, error: () => used.push("an error") } as never;
  const [mountedCert = "", mountedKey = ""] = files;
  const watch = watchCertificate(
    { certFile: mountedCert, keyFile: mountedKey },
    ({ cert }) => used.push(String(cert)),
    logger,
    20,
  );
  await expect.poll(() => watch.looks(), LONG).toBeGreaterThan(1);
  symlinkSync(place("second"), `${data}_tmp`);
  renameSync(`${data}_tmp`, data);
  await expect.poll(() => used, LONG).toEqual([readFileSync(made("second")[0], "utf8")]);
  watch.stop();
});

/** At once: a file that is copied is empty for a moment, which is a third pair. */
function put(from: string, to: string): void {
  copyFileSync(from, `${to}.new`);
  renameSync(`${to}.new`, to);
}

test("F-RELOAD: a change is noticed without a signal, a pair that is half written waits for its other half", async () => {
  renew("first");
  const used: string[] = [];
  const log: string[] = [];
  const logger = { info: () => {}, error: (_: unknown, text: string) => log.push(text) } as never;
  const watch = watchCertificate({ certFile, keyFile }, ({ cert }) => used.push(String(cert)), logger, 20);
  await expect.poll(() => watch.looks(), LONG).toBeGreaterThan(1);
  expect(used).toEqual([]);
  put(made("second")[0], certFile);
  await expect.poll(() => log.length, LONG).toBe(1);
  put(made("second")[1], keyFile);
  await expect.poll(() => used.length, LONG).toBe(1);
  rmSync(certFile);
  await expect.poll(() => log.length, LONG).toBe(2);
  renew("third");
  await expect.poll(() => used.length, LONG).toBe(2);
  watch.stop();
  expect(log).toHaveLength(2);
});

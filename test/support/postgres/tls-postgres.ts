// PostgreSQL on a TCP port, with TLS or without.
import { once } from "node:events";
import { chmod, chown, copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Binaries } from "../../../src/embedded-postgres/binaries.ts";
import { openCluster, runOn, SUPERUSER } from "../../../src/embedded-postgres/cluster.ts";
import { startChild } from "../run/child.ts";
import type { Certificate } from "../services/certificate.ts";
import { freePort } from "../services/free-port.ts";
import { administer } from "./postgres.ts";

export interface TlsPostgres extends AsyncDisposable {
  /** Its URL by the host name `localhost`, with these parameters. */
  url(parameters: string): string;
  /** Its URL by its Unix socket. */
  socketUrl(parameters: string): string;
  /** Shows this certificate to connections from now on; none: it has no TLS. */
  show(certificate: Certificate | undefined): Promise<void>;
}

export async function startTlsPostgres(binaries: Binaries): Promise<TlsPostgres> {
  const dataDir = await mkdtemp(join(tmpdir(), `colloquy-test-${process.pid}-`));
  await chmod(dataDir, 0o711);
  const { directory, account, password } = await openCluster(dataDir, binaries);
  const { pgdata, options } = runOn(directory, account, binaries);
  const port = await freePort();
  const settings = { listen_addresses: "127.0.0.1", port: String(port), unix_socket_directories: directory };
  const child = startChild(
    join(binaries.directory, "postgres"),
    [`-D${pgdata}`, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
    { ...options, stdio: ["ignore", "ignore", "pipe"] },
  );
  let log = "";
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on("data", (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes("ready to accept connections")) resolve();
    });
    child.once("close", () => reject(new Error(`PostgreSQL ended: ${log}`)));
  });
  const user = `${SUPERUSER}:${password}`;
  const socketUrl = (parameters: string) =>
    `postgresql://${user}@/postgres?host=${directory}&port=${port}${parameters}`;

  async function put(file: string, name: string): Promise<void> {
    const place = join(directory, name);
    await rm(place, { force: true });
    await copyFile(file, place);
    await chmod(place, 0o600);
    if (account !== undefined) await chown(place, account.uid, account.gid);
  }

  return {
    url: (parameters) => `postgresql://${user}@localhost:${port}/postgres?${parameters}`,
    socketUrl,
    async show(certificate) {
      if (certificate !== undefined) {
        await put(certificate.certFile, "server.crt");
        await put(certificate.keyFile, "server.key");
      }
      await administer(socketUrl(""), `alter system set ssl = ${certificate === undefined ? "off" : "on"}`);
      log = "";
      await administer(socketUrl(""), "select pg_reload_conf()");
      // The process that accepts connections says that it reads its settings, and accepts the next one afterwards.
      while (!log.includes("received SIGHUP")) await once(child.stderr as NodeJS.ReadableStream, "data");
    },
    async [Symbol.asyncDispose]() {
      const ended = once(child, "close");
      child.kill("SIGQUIT");
      await ended;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

// PgBouncer as Debian ships it, or TEST_PGBOUNCER, in front of a test's database.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startChild } from "../run/child.ts";
import { freePort } from "../services/free-port.ts";
import { administer } from "./postgres.ts";

const PROGRAM = process.env.TEST_PGBOUNCER ?? "/usr/sbin/pgbouncer";

/** Tells a test whether to run; says once why not. */
export function hasPgBouncer(): boolean {
  if (existsSync(PROGRAM)) return true;
  process.stderr.write("PgBouncer is not installed (apt-get install pgbouncer): skipping the tests with it\n");
  return false;
}

/** Whether it can keep its clients' prepared statements: from 1.21 on. */
export function keepsPrepared(): boolean {
  const [, major = 0, minor = 0] =
    /(\d+)\.(\d+)/.exec(execFileSync(PROGRAM, ["--version"], { encoding: "utf8" })) ?? [];
  return Number(major) > 1 || Number(minor) >= 21;
}

export interface PgBouncer extends AsyncDisposable {
  /** The database's URL by way of it. */
  readonly url: string;
}

/** @param url of a database behind a Unix socket @param settings besides those of Debian's configuration */
export async function startPgBouncer(url: string, settings: Readonly<Record<string, string>> = {}): Promise<PgBouncer> {
  const target = new URL(url.replace("@/", "@localhost/"));
  const name = target.pathname.slice(1);
  const port = await freePort();
  const directory = await mkdtemp(join(tmpdir(), `colloquy-test-${process.pid}-`));
  await chmod(directory, 0o755);
  const { username, password, searchParams } = target;
  const behind = `host=${searchParams.get("host")} port=${searchParams.get("port")} user=${username} password=${password}`;
  const configuration = {
    listen_addr: "127.0.0.1",
    listen_port: String(port),
    unix_socket_dir: "",
    auth_type: "md5",
    auth_file: join(directory, "userlist.txt"),
    ...settings,
  };
  const lines = Object.entries(configuration).map(([key, value]) => `${key} = ${value}`);
  await writeFile(join(directory, "userlist.txt"), `"${username}" "${password}"\n`);
  await writeFile(
    join(directory, "pgbouncer.ini"),
    `[databases]\n${name} = ${behind} dbname=${name}\n[pgbouncer]\n${lines.join("\n")}\n`,
  );
  // It does not run as root, and must reach the socket of PostgreSQL, which runs as this account then.
  const account = process.getuid?.() === 0 ? ["-u", "postgres"] : [];
  const child = startChild(PROGRAM, [...account, join(directory, "pgbouncer.ini")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
  const through = `postgresql://${username}:${password}@127.0.0.1:${port}/${name}?sslmode=disable`;
  while (!(await answers(through))) {
    if (child.exitCode !== null) throw new Error(`PgBouncer ended: ${log}`);
    await delay(10);
  }
  return {
    url: through,
    async [Symbol.asyncDispose]() {
      const ended = once(child, "close");
      child.kill("SIGKILL");
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    await administer(url, "select 1");
    return true;
  } catch {
    return false;
  }
}

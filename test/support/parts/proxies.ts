// nginx and HAProxy as Debian ships them, each a separate process with the test's configuration.
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startChild } from "../run/child.ts";
import { freePort } from "../services/free-port.ts";

const NGINX = "/usr/sbin/nginx";
const HAPROXY = "/usr/sbin/haproxy";

export const HAS_PROXIES = existsSync(NGINX) && existsSync(HAPROXY);
if (!HAS_PROXIES) {
  process.stderr.write(
    "nginx or HAProxy is not installed (apt-get install nginx haproxy): skipping the tests behind them\n",
  );
}

export interface RealProxy extends AsyncDisposable {
  /** Where HTTP/1.1 and, if it has such a port, HTTP/2 in clear text is taken. */
  readonly url: string;
  readonly h2Url: string;
}

/** nginx with a `http` block's content, in which PORT and H2PORT stand for the ports. */
export async function startNginx(http: string): Promise<RealProxy> {
  // The rest as Debian's nginx.conf has it.
  const configure = (directory: string, text: string) => `
    daemon off; master_process off; pid ${directory}/pid; error_log ${directory}/error.log;
    events { worker_connections 768; }
    http {
      ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${directory}/${name};`).join(" ")}
      access_log off; sendfile on; tcp_nopush on; types_hash_max_size 2048; gzip on;
      ${text}
    }`;
  return startProxy(
    NGINX,
    (file, directory) => ["-p", directory, "-c", file, "-e", join(directory, "error.log")],
    http,
    configure,
  );
}

/** HAProxy with this configuration, in which PORT and H2PORT stand for the ports. */
export function startHaproxy(text: string): Promise<RealProxy> {
  return startProxy(
    HAPROXY,
    (file) => ["-db", "-f", file],
    text,
    (_, whole) => whole,
  );
}

async function startProxy(
  program: string,
  words: (file: string, directory: string) => string[],
  text: string,
  configure: (directory: string, text: string) => string,
): Promise<RealProxy> {
  const directory = await mkdtemp(join(tmpdir(), "colloquy-proxy-"));
  const [port, h2Port] = [await freePort(), await freePort()];
  const file = join(directory, "proxy.conf");
  const placed = text.replaceAll("H2PORT", String(h2Port)).replaceAll("PORT", String(port));
  await writeFile(file, `${configure(directory, placed)}\n`);
  const child = startChild(program, words(file, directory), { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stdout?.on("data", (chunk: Buffer) => (said += chunk));
  child.stderr?.on("data", (chunk: Buffer) => (said += chunk));
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const stop = async () => {
    child.kill("SIGKILL");
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await untilListening(child, port);
  } catch {
    const log = await readFile(join(directory, "error.log"), "utf8").catch(() => "");
    await stop();
    throw new Error(`${program} did not start: ${said}${log}`);
  }
  const [url, h2Url] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${h2Port}`];
  return { url, h2Url, [Symbol.asyncDispose]: stop };
}

async function untilListening(child: ChildProcess, port: number): Promise<void> {
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error("it ended");
    await sleep(20);
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/** The configurations of docs/operations.md, by language, for a server at this address. */
export async function documented(language: "nginx" | "haproxy", upstream: string): Promise<string> {
  const page = await readFile(join(import.meta.dirname, "../../../docs/operations.md"), "utf8");
  const text = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "s").exec(page)?.[1];
  if (text === undefined) throw new Error(`docs/operations.md has no configuration of ${language}`);
  return text
    .replaceAll("127.0.0.1:8080", upstream)
    .replaceAll(/listen 80;/g, "listen 127.0.0.1:PORT;")
    .replaceAll(/listen 8081 http2;/g, "listen 127.0.0.1:H2PORT http2;")
    .replaceAll(/bind :80$/gm, "bind 127.0.0.1:PORT")
    .replaceAll("bind :8081", "bind 127.0.0.1:H2PORT");
}

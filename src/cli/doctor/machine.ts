// Checks of this machine: Node, the data directory, the certificate and the ports.
import { X509Certificate } from "node:crypto";
import { constants } from "node:fs";
import { access, readFile, stat, statfs } from "node:fs/promises";
import { get } from "node:http";
import { get as getSecurely } from "node:https";
import { createServer } from "node:net";
import { dirname, join, resolve } from "node:path";
import type { Config } from "../../config/config.ts";
import { type Finding, fail, ok, reasonOf, warn } from "./finding.ts";

/** The Node that runs the sources; the package `node` brings it. */
const NODE = 26;
const GIB = 2 ** 30;
const LOW_BYTES = GIB;
/** With less, not even a key or a log of the database can be written. */
const FULL_BYTES = 16 * 2 ** 20;
const DAY_MS = 86_400_000;
const RENEW_DAYS = 14;
const ANSWER_MS = 2_000;

export function checkNode(): Finding {
  const found = Number(process.versions.node.split(".")[0]);
  const text = `${process.version} on ${process.platform}-${process.arch}`;
  return found >= NODE ? ok("node", text) : fail("node", `${text}: use Node ${NODE} or later, or start with npm`);
}

/** Holds the keys of this server, and the embedded database. */
export function checkDataDir({ dataDir, databaseUrl }: Config): Promise<Finding[]> {
  const low = databaseUrl === undefined ? "the embedded database has" : undefined;
  return checkFolder("data directory", dataDir, "COLLOQUY_DATA_DIR", low);
}

/** Where files lie, unless that is in the data directory. */
export async function checkFiles({ files: { place }, dataDir }: Config): Promise<Finding[]> {
  if (place.kind === "s3") {
    const { faultOf } = await import("../../files/s3/bucket.ts");
    const fault = await faultOf(place);
    if (fault === undefined) return [ok("files", `the bucket ${place.bucket} can be read`)];
    const where = place.endpoint === undefined ? "" : ` of ${place.endpoint}`;
    const check = "check COLLOQUY_FILES, the credentials (AWS_…), and that the store runs";
    return [fail("files", `the bucket ${place.bucket}${where} cannot be read (${fault}): ${check}`)];
  }
  if (place.folder === join(dataDir, "files")) return [];
  return checkFolder("files", place.folder, "COLLOQUY_FILES", "files have");
}

/** @param low what has little room if there is less than 1 GiB; undefined: that is fine */
async function checkFolder(subject: string, folder: string, setting: string, low?: string): Promise<Finding[]> {
  const path = resolve(folder);
  try {
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && !found.isDirectory()) {
      return [fail(subject, `${path} is not a directory: set ${setting} to one`)];
    }
    const place = found === undefined ? await existingAbove(path) : path;
    await access(place, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = await statfs(place);
    const free = `${((bavail * bsize) / GIB).toFixed(1)} GiB free`;
    const findings = [ok(subject, found === undefined ? `${path} will be created, ${free}` : `${path}, ${free}`)];
    if (found !== undefined && (found.mode & 0o066) !== 0) {
      const mode = (found.mode & 0o777).toString(8);
      findings.push(warn(subject, `other users can read it (mode ${mode}): run chmod 700 ${path}`));
    }
    return [...findings, ...checkRoom(subject, path, setting, bavail * bsize, low)];
  } catch (error) {
    return [fail(subject, `${path} cannot be written by this user (${reasonOf(error)}): set ${setting}`)];
  }
}

/** @param bytes free for this user */
export function checkRoom(subject: string, path: string, setting: string, bytes: number, low?: string): Finding[] {
  if (bytes < FULL_BYTES) return [fail(subject, `the disk of ${path} is full: free some, or set ${setting}`)];
  if (low === undefined || bytes >= LOW_BYTES) return [];
  return [warn(subject, `${low} less than 1 GiB left: free some, or move it`)];
}

async function existingAbove(path: string): Promise<string> {
  const above = dirname(path);
  const exists = await stat(above).then(
    () => true,
    () => false,
  );
  return exists || above === path ? above : existingAbove(above);
}

export async function checkCertificate({ tls }: Config): Promise<Finding[]> {
  if (tls === undefined) return [];
  const subject = "certificate";
  const { readPair } = await import("../../server/certificate.ts");
  try {
    readPair({ certFile: tls.certificateFile, keyFile: tls.keyFile });
    const { validTo, subject: name } = new X509Certificate(await readFile(tls.certificateFile));
    const days = Math.floor((Date.parse(validTo) - Date.now()) / DAY_MS);
    if (days < 0) return [fail(subject, `expired on ${validTo}: renew ${tls.certificateFile}`)];
    const text = `${name.replaceAll("\n", ", ")}, valid for ${days} days`;
    return [days < RENEW_DAYS ? warn(subject, `${text}: renew ${tls.certificateFile}`) : ok(subject, text)];
  } catch (error) {
    return [fail(subject, reasonOf(error))];
  }
}

/**
 * The server's port and those of dialects. One that a Colloquy server has is fine: a doctor may be called beside it.
 */
export async function checkPorts({ host, port, compat, compatChosen, tls }: Config): Promise<Finding[]> {
  const own = port === 0 ? [] : [port];
  const others = compat.flatMap(({ port: mounted }) => (mounted === undefined || mounted === port ? [] : [mounted]));
  return Promise.all(
    [...new Set([...own, ...others])].map(async (number) => {
      const subject = `port ${number}`;
      const code = await listenError(host, number);
      if (code === undefined) return ok(subject, `free on ${host}`);
      if (code === "EACCES") return fail(subject, "this user may not listen there: set PORT to one above 1023");
      if (code !== "EADDRINUSE") return fail(subject, `cannot listen on ${host} (${code}): set HOST`);
      const status = await readyStatus(host, number, tls !== undefined);
      if (status === 200) return ok(subject, "a server is ready there");
      if (status === 503) return warn(subject, "a server is there that is not ready: see its log");
      const advice = number === port ? "set PORT" : "set another one in COLLOQUY_COMPAT";
      const level = number === port || compatChosen ? fail : warn;
      return level(subject, `used by another program: ${advice}, or stop that`);
    }),
  );
}

/** Whether the server that has these settings, on this machine, serves. */
export async function checkReady({ host, port, tls }: Config): Promise<Finding> {
  if (port === 0) return fail("server", "its port is not known: set PORT to another one than 0");
  const subject = `port ${port}`;
  const status = await readyStatus(host, port, tls !== undefined);
  if (status === 200) return ok(subject, "a server is ready there");
  return fail(subject, status === undefined ? "no server answers there" : "a server is there that is not ready");
}

function listenError(host: string, port: number): Promise<string | undefined> {
  return new Promise((done) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => done(undefined)));
  });
}

/** The status of /readyz; undefined: what listens there is not a server of ours. */
function readyStatus(host: string, port: number, secure: boolean): Promise<number | undefined> {
  return new Promise((done) => {
    const address = host === "0.0.0.0" || host === "::" ? "localhost" : host;
    const signal = AbortSignal.timeout(ANSWER_MS);
    const options = { host: address, port, path: "/readyz", signal, rejectUnauthorized: false, agent: false };
    const request = (secure ? getSecurely : get)(options, async (response) => {
      let body = "";
      for await (const chunk of response.setEncoding("utf8")) {
        body += chunk;
        if (body.length > 100) break;
      }
      done(/^(ready|not ready|draining)\n$/.test(body) ? response.statusCode : undefined);
    });
    request.once("error", () => done(undefined));
  });
}

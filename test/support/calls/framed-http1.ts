// HTTP/1.1 requests with a chosen framing: how the body's length is given, and how the bytes are split into packets.
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** A call as its bytes, whatever frames them. Header names in lower case. */
export interface FramedCall {
  /** Default: POST. */
  readonly method?: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** An answer without what may differ between two: its date, and how it was framed. */
export interface FramedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface BodyFraming {
  /** The lengths of the chunks; what is left is the last one. Undefined: with Content-Length. */
  readonly chunks?: readonly number[];
  /** Whether chunks have extensions (RFC 9112 §7.1.1). */
  readonly extensions?: boolean;
  /** Whether there are trailers behind the last chunk. */
  readonly trailers?: boolean;
}

/** Cuts bytes into pieces of the lengths; what is left is the last one. */
export function cut(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const length of lengths) {
    if (at + length >= bytes.length) break;
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  pieces.push(bytes.subarray(at));
  return pieces;
}

/** The bytes of a request. */
export function http1Request({ method = "POST", path, headers, body }: FramedCall, framing: BodyFraming): Buffer {
  const { chunks, extensions = false, trailers = false } = framing;
  const head = [`${method} ${path} HTTP/1.1`, "host: localhost"];
  for (const [name, value] of Object.entries(headers)) head.push(`${name}: ${value}`);
  if (chunks === undefined) {
    head.push(`content-length: ${body.length}`);
    return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
  }
  head.push("transfer-encoding: chunked");
  const parts: Buffer[] = [Buffer.from(`${head.join("\r\n")}\r\n\r\n`)];
  const extension = extensions ? ';name="a \\" value";other=1' : "";
  for (const chunk of cut(body, chunks)) {
    // One of no bytes would be the last.
    if (chunk.length === 0) continue;
    parts.push(Buffer.from(`${chunk.length.toString(16)}${extension}\r\n`), chunk, Buffer.from("\r\n"));
  }
  parts.push(Buffer.from(`0${extension}\r\n${trailers ? "x-sum: 1\r\nx-other: 2\r\n" : ""}\r\n`));
  return Buffer.concat(parts);
}

/** Writes the packets one after the other into a connection of its own, and reads so many answers. */
export function speakHttp1(url: string, packets: readonly Buffer[], answers = 1): Promise<FramedAnswer[]> {
  const { port, protocol } = new URL(url);
  const to = { port: Number(port), host: "127.0.0.1" };
  return new Promise((resolve, reject) => {
    const encrypted = protocol === "https:";
    const socket: Socket = encrypted ? connectTls({ ...to, rejectUnauthorized: false }) : connect(to);
    socket.setNoDelay(true);
    let heard: Buffer = Buffer.alloc(0);
    const read: FramedAnswer[] = [];
    socket.on("data", (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk]);
      for (let next = readAnswer(heard); next !== undefined; next = readAnswer(heard)) {
        read.push(next.answer);
        heard = next.after;
      }
      if (read.length < answers) return;
      resolve(read);
      socket.destroy();
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`the connection ended after ${read.length} answers of ${answers}`)));
    const write = (i: number): void => {
      const packet = packets[i];
      if (packet !== undefined && !socket.destroyed) socket.write(packet, () => setImmediate(write, i + 1));
    };
    socket.once(encrypted ? "secureConnect" : "connect", () => write(0));
  });
}

/** What two answers may differ in. */
const OWN = new Set(["date", "connection", "keep-alive", "content-length", "transfer-encoding", ":status"]);

export function comparable(status: number, headers: Iterable<readonly [string, unknown]>, body: Buffer): FramedAnswer {
  const kept = [...headers].filter(([name]) => !OWN.has(name)).map(([name, value]) => [name, String(value)] as const);
  return {
    status,
    headers: Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1))),
    body: body.toString("latin1"),
  };
}

/** The answer that the bytes begin with, and what is behind it; undefined: it is not all there yet. */
function readAnswer(bytes: Buffer): { answer: FramedAnswer; after: Buffer } | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const [first = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  const read = readBody(bytes.subarray(end + 4), new Map(headers));
  return read && { answer: comparable(Number(first.split(" ")[1]), headers, read.body), after: read.after };
}

function readBody(bytes: Buffer, headers: ReadonlyMap<string, string>): { body: Buffer; after: Buffer } | undefined {
  if (headers.get("transfer-encoding") !== "chunked") {
    const length = Number(headers.get("content-length") ?? 0);
    return bytes.length < length ? undefined : { body: bytes.subarray(0, length), after: bytes.subarray(length) };
  }
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = bytes.indexOf("\r\n", at);
    if (line === -1) return undefined;
    const size = Number.parseInt(bytes.subarray(at, line).toString(), 16);
    const next = line + 2 + size + 2;
    if (bytes.length < next) return undefined;
    if (size === 0) return { body: Buffer.concat(chunks), after: bytes.subarray(next) };
    chunks.push(bytes.subarray(line + 2, line + 2 + size));
    at = next;
  }
}

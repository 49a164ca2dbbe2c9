// Raw connections, byte by byte.
import { type ClientHttp2Session, connect as connectHttp2, type OutgoingHttpHeaders } from "node:http2";
import { connect, type Socket } from "node:net";

export interface Heard {
  /** All that came, as Latin-1. */
  readonly text: string;
  /** The statuses of the HTTP/1.1 answers in it. */
  readonly statuses: readonly number[];
}

/**
 * Opens a connection, writes the parts, and listens until it closes or has been silent for `quietMs` after an answer.
 */
export function speak(port: number, parts: ReadonlyArray<string | Uint8Array>, quietMs = 60): Promise<Heard> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, "127.0.0.1");
    socket.setNoDelay(true);
    let text = "";
    let quiet: NodeJS.Timeout | undefined;
    const done = () => {
      clearTimeout(quiet);
      clearTimeout(longest);
      socket.destroy();
      const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n/g)].map((match) => Number(match[1]));
      resolve({ text, statuses });
    };
    const longest = setTimeout(done, 5_000);
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      clearTimeout(quiet);
      quiet = setTimeout(done, quietMs);
    });
    socket.on("close", done);
    socket.on("error", () => {});
    socket.on("connect", () => {
      const next = (i: number): void => {
        const part = parts[i];
        if (part === undefined || socket.destroyed) return;
        const bytes = typeof part === "string" ? Buffer.from(part, "latin1") : part;
        socket.write(bytes, () => setImmediate(next, i + 1));
      };
      next(0);
    });
  });
}

export interface Http2Answer {
  readonly status: number | undefined;
  readonly reset: number;
  readonly body: string;
}

/** One request over an open HTTP/2 connection; the answer may be a reset stream. */
export function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: Uint8Array,
): Promise<Http2Answer> {
  return new Promise((resolve) => {
    const request = session.request(headers, { endStream: body === undefined });
    let status: number | undefined;
    let text = "";
    request.on("response", (answer) => (status = answer[":status"]));
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("error", () => {});
    request.on("close", () => resolve({ status, reset: request.rstCode, body: text }));
    if (body !== undefined) request.end(body);
  });
}

export function openHttp2(url: string): ClientHttp2Session {
  const session = connectHttp2(url);
  session.on("error", () => {});
  return session;
}

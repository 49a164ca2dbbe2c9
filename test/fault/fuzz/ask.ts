// Sends a bent request as it is, over HTTP/1.1 or HTTP/2, and gives whatever comes back.
import { Agent, request as askHttp1 } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import type { FuzzAnswer } from "./judge.ts";
import type { FuzzRequest } from "./requests.ts";

/** A call that has no answer after this long hangs. */
const HANGS_MS = 15_000;

export interface Asker {
  ask(request: FuzzRequest): Promise<FuzzAnswer>;
  close(): void;
}

/** One caller with lines of its own, opened anew when the server closes them. */
export function createAsker(url: string): Asker {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let session = openSession(url);
  return {
    async ask(request) {
      if (request.http === "1.1") return askOverHttp1(url, request, agent);
      if (session.closed || session.destroyed) session = openSession(url);
      return askOverHttp2(session, request);
    },
    close() {
      session.destroy();
      agent.destroy();
    },
  };
}

function openSession(url: string): ClientHttp2Session {
  const session = connect(url);
  session.on("error", () => {});
  return session;
}

const NOTHING: FuzzAnswer = { status: 0, headers: {}, trailers: {}, body: Buffer.alloc(0) };

function askOverHttp2(session: ClientHttp2Session, { verb, path, headers, body }: FuzzRequest): Promise<FuzzAnswer> {
  return new Promise((resolve) => {
    let answer = { ...NOTHING };
    const chunks: Buffer[] = [];
    const sent = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== "expect"));
    const request = session.request({ ":method": verb, ":path": path, ...sent }, { endStream: body.length === 0 });
    const patience = setTimeout(() => request.close(), HANGS_MS);
    request.on("response", (head) => {
      answer = { ...answer, status: Number(head[":status"]), headers: head as Record<string, string> };
    });
    request.on("trailers", (trailers) => {
      answer = { ...answer, trailers: trailers as Record<string, string> };
    });
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", () => {});
    request.on("close", () => {
      clearTimeout(patience);
      resolve({ ...answer, body: Buffer.concat(chunks) });
    });
    if (body.length > 0) request.end(body);
  });
}

function askOverHttp1(url: string, { verb, path, headers, body }: FuzzRequest, agent: Agent): Promise<FuzzAnswer> {
  return new Promise((resolve) => {
    const request = askHttp1(new URL(url), {
      method: verb,
      path,
      agent,
      headers: { ...headers, ...(verb !== "GET" && verb !== "HEAD" && { "content-length": body.length }) },
    });
    request.setTimeout(HANGS_MS, () => request.destroy());
    request.on("error", () => resolve(NOTHING));
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", () => resolve(NOTHING));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers as Record<string, string>,
          trailers: response.trailers as Record<string, string>,
          body: Buffer.concat(chunks),
        }),
      );
    });
    request.end(verb === "GET" || verb === "HEAD" ? undefined : body);
  });
}

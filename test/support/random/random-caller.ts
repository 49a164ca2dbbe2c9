// Makes random calls over HTTP/1.1 and HTTP/2, and returns each whole response, so that two servers can be compared.
import { Agent, request as httpRequest } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import type { EchoServer } from "../servers/echo-server.ts";
import type { RandomCall } from "./random-calls.ts";

/** What differs from answer to answer, or says nothing of the call. */
const PASSING = new Set(["date", "connection", "keep-alive", "transfer-encoding", ":status", "content-length"]);

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Makes calls over connections of its own. */
export class RandomCaller {
  readonly #server: EchoServer;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });
  readonly #session: ClientHttp2Session;

  constructor(server: EchoServer) {
    this.#server = server;
    this.#session = connect(server.url);
  }

  call(call: RandomCall): Promise<Answer> {
    return call.http === "2" ? this.#http2(call) : this.#http1(call);
  }

  close(): void {
    this.#agent.destroy();
    this.#session.destroy();
  }

  #http1({ verb, target, headers, body }: RandomCall): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const length = verb === "GET" ? {} : { "content-length": body.byteLength };
      const options = { method: verb, path: target, headers: { ...headers, ...length }, agent: this.#agent };
      const request = httpRequest(this.#server.url, options, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const { statusCode: status = 0, headers: answered, trailers } = response;
          resolve(read(status, { ...answered, ...trailers }, chunks));
        });
        response.on("error", reject);
      });
      request.on("error", reject);
      request.end(body);
    });
  }

  #http2({ verb, target, headers, body }: RandomCall): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const endStream = verb === "GET";
      const request = this.#session.request({ ":method": verb, ":path": target, ...headers }, { endStream });
      const chunks: Buffer[] = [];
      let answered: Record<string, unknown> = {};
      request.on("response", (fields) => Object.assign(answered, fields));
      request.on("trailers", (fields) => (answered = { ...answered, ...fields }));
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("error", reject);
      request.on("end", () => resolve(read(Number(answered[":status"]), answered, chunks)));
      if (!endStream) request.end(body);
    });
  }
}

function read(status: number, fields: Readonly<Record<string, unknown>>, chunks: readonly Buffer[]): Answer {
  const headers = Object.fromEntries(
    Object.entries(fields)
      .filter(([name]) => !PASSING.has(name))
      .sort(),
  );
  return { status, headers, body: Buffer.concat(chunks).toString("latin1") };
}

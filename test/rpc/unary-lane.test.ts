// The unary lane and Connect's own handlers answer alike, whatever they are asked.
import { Agent, request as httpRequest } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EchoServer, startEchoServer } from "../support/echo-server.ts";
import { type RandomCall, randomCall } from "../support/random-calls.ts";

/** A million for a night: `TEST_CALLS=1000000`. */
const CALLS = Number(process.env.TEST_CALLS ?? 5_000);
const FIRST = Number(process.env.TEST_SEED ?? 1);
/** Calls at one time. */
const ABREAST = 16;
/** What differs from answer to answer, or says nothing of the call. */
const PASSING = new Set(["date", "connection", "keep-alive", "transfer-encoding", ":status", "content-length"]);

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

class Caller {
  readonly #server: EchoServer;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: ABREAST });
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

let lane: EchoServer;
let adapter: EchoServer;
let callers: readonly [Caller, Caller];
beforeAll(async () => {
  lane = await startEchoServer({ unaryLane: true });
  adapter = await startEchoServer({ unaryLane: false });
  callers = [new Caller(lane), new Caller(adapter)];
});
afterAll(async () => {
  for (const caller of callers) caller.close();
  await Promise.all([lane.close(), adapter.close()]);
});

describe("the unary lane", () => {
  it(`answers ${CALLS} random calls as Connect's handlers do`, async () => {
    const seen = new Map<number, number>();
    let next = FIRST;
    const work = async () => {
      while (next < FIRST + CALLS) {
        const seed = next++;
        const call = randomCall(seed);
        const [own, other] = await Promise.all(callers.map((caller) => caller.call(call)));
        expect(own, `call ${seed}: ${call.http} ${call.verb} ${call.target}`).toEqual(other);
        seen.set(own!.status, (seen.get(own!.status) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: ABREAST }, work));
    // Random calls that all fail would prove little.
    expect(seen.get(200)).toBeGreaterThan(CALLS / 4);
    for (const status of [400, 401, 404, 405, 415, 500]) expect(seen.get(status)).toBeGreaterThan(0);
  }, 600_000);
});

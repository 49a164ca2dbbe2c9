// gRPC-Web in text mode: what is answered is the binary answer, frame by frame in base64, whatever pieces the request
// comes in.
import { Readable } from "node:stream";
import { gunzipSync, gzipSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ErrorReason } from "../../src/domain/errors.ts";
import { bytesOfText } from "../../src/protocols/rpc/web-text.ts";
import { EchoRequestSchema, EchoResponseSchema } from "../gen/colloquy/test/v1/echo_pb.ts";
import {
  callOf,
  FORMS,
  type Form,
  randomLengths,
  TEXTS,
  textOf,
  type WireCall,
} from "../support/calls/framed-calls.ts";
import { cut, type FramedAnswer, http1Request, speakHttp1 } from "../support/calls/framed-http1.ts";
import { callHttp2, openCutHttp2 } from "../support/calls/framed-http2.ts";
import { frame } from "../support/calls/raw-call.ts";
import { Picker } from "../support/random/random-calls.ts";
import { type EchoServer, startEchoServer, TOKEN } from "../support/servers/echo-server.ts";

/** Rounds of random calls; many for a night: `TEST_CALLS=100000`. */
const ROUNDS = Number(process.env.TEST_CALLS ?? 120);
const FIRST = Number(process.env.TEST_SEED ?? 1);
const TEXT = "application/grpc-web-text";
const LIMIT = 64 * 1024;

let servers: readonly EchoServer[];
beforeAll(async () => {
  const limits = { readMaxBytes: LIMIT };
  const off = { unaryLane: false, streamLane: false };
  servers = await Promise.all([startEchoServer({ limits }), startEchoServer({ limits, ...off })]);
});
afterAll(() => Promise.all(servers.map((server) => server.close())));

async function ask({ url }: EchoServer, call: WireCall, http2 = call.needsHttp2): Promise<FramedAnswer> {
  if (!http2) return (await speakHttp1(url, [http1Request(call, {})]))[0] as FramedAnswer;
  const session = openCutHttp2(url, { padding: "none", packet: 1_000_000 });
  try {
    return await callHttp2(session, call, { frames: [], emptyEnd: false });
  } finally {
    session.destroy();
  }
}

/** The frames of a binary answer. */
function framesOf(body: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < body.length; at += frames.at(-1)?.length ?? 1) {
    frames.push(body.subarray(at, at + 5 + body.readUInt32BE(at + 1)));
  }
  return frames;
}

/** What the text answer to a call must be, by the binary one. */
function inText({ status, headers, body }: FramedAnswer): FramedAnswer {
  const type = headers["content-type"]?.replace("grpc-web", "grpc-web-text") ?? "";
  const frames = framesOf(Buffer.from(body, "latin1"));
  return {
    status,
    headers: { ...headers, "content-type": type },
    body: frames.map((each) => each.toString("base64")).join(""),
  };
}

const base = { authorization: `Bearer ${TOKEN}`, "x-request-id": "framed" };
const echo = (init: { text?: string; data?: Uint8Array; behave?: string }) =>
  frame(toBinary(EchoRequestSchema, create(EchoRequestSchema, init)));
const callTo = (method: string, body: Buffer, headers: Record<string, string>): WireCall => ({
  name: method,
  path: `/colloquy.test.v1.EchoService/${method}`,
  headers: { ...base, ...headers },
  body,
  needsHttp2: false,
});
const inBinary = (body: Buffer, headers = {}) =>
  callTo("Echo", body, { "content-type": "application/grpc-web+proto", ...headers });
const asText = (body: Buffer, headers = {}) => callTo("Echo", body, { "content-type": TEXT, ...headers });
const trailersOf = ({ body }: FramedAnswer) =>
  framesOf(Buffer.concat(body.match(/[^=]{4}|[^=]{2,3}==?/g)?.map((quad) => Buffer.from(quad, "base64")) ?? []))
    .at(-1)
    ?.subarray(5)
    .toString();

it(
  `F-GRPCWEB: answers ${ROUNDS} random calls as it answers them in binary, over random pieces of base64`,
  async () => {
    let failed = 0;
    const web = FORMS.filter(({ wire }) => wire === "grpc-web");
    for (let seed = FIRST; seed < FIRST + ROUNDS; seed++) {
      const pick = new Picker(seed);
      const form: Form = pick.one(web);
      const texts = Array.from({ length: 1 + pick.below(4) }, () => pick.one(TEXTS));
      const binary = callOf(form, texts);
      const damage = form.method === "Converse" ? 1 : pick.below(10);
      const whole = damage > 0 ? binary.body : binary.body.subarray(0, pick.below(binary.body.length));
      const text: WireCall = {
        ...binary,
        headers: {
          ...binary.headers,
          "content-type": binary.headers["content-type"]?.replace("web", "web-text") ?? "",
        },
        body: textOf(whole, randomLengths(pick, whole.length)),
      };
      const server = pick.one(servers);
      const http2 = binary.needsHttp2 || pick.chance(0.3);
      const plain = await ask(server, { ...binary, body: whole }, http2);
      expect(await ask(server, text, http2), `${seed}: ${binary.name}`).toEqual(inText(plain));
      if (!plain.body.endsWith("grpc-status: 0\r\n")) failed++;
    }
    expect(failed).toBeGreaterThan(0);
    expect(failed).toBeLessThan(ROUNDS / 2);
  },
  Math.max(180_000, 200 * ROUNDS),
);

it.each([
  ["as the request", TEXT, undefined, true],
  ["as the request", "application/grpc-web+proto", "*/*", false],
  ["text", "application/grpc-web+proto", TEXT, true],
  ["text", "application/grpc-web", "application/json, application/grpc-web-text+proto;q=0.9", true],
  ["text", "application/grpc-web-text-base64+proto", "application/grpc-web-text-base64", true],
  ["binary", TEXT, "application/grpc-web+proto", false],
  ["binary", "Application/gRPC-Web-Text; charset=UTF-8", "application/grpc-web", false],
])("F-GRPCWEB: answers %s to %s with accept %s", async (_, type, accept, text) => {
  const body = echo({ text: "ü" });
  const given = /text/i.test(type) ? textOf(body, [3, 4]) : body;
  for (const server of servers) {
    const binary = await ask(server, inBinary(body));
    const answer = await ask(server, callTo("Echo", given, { "content-type": type, ...(accept && { accept }) }));
    expect(answer).toEqual(text ? inText(binary) : binary);
  }
});

it.each([
  ["characters that base64 has not", "AAA*"],
  ["base64 of URLs", "AAAAAA-_"],
  ["blanks and line ends", "AAAA\r\nAAAA"],
  ["bytes behind padding in one group", "AA=A"],
  ["a group that is padding alone", "===="],
  ["a group with too much padding", "A==="],
  ["an end without padding", "AAAAAAA"],
])("F-GRPCWEB: refuses %s", async (_, text) => {
  for (const server of servers) {
    for (const http2 of [false, true]) {
      const answer = await ask(server, asText(Buffer.from(text)), http2);
      expect(trailersOf(answer)).toContain("grpc-message: the body must be base64 with its padding\r\n");
      expect(trailersOf(answer)).toContain("grpc-status: 3\r\n");
    }
  }
});

it("F-GRPCWEB: of damaged text all that comes before the damage is read, however it is cut", async () => {
  for (let seed = FIRST; seed < FIRST + ROUNDS; seed++) {
    const pick = new Picker(seed);
    const good = pick.bytes(3 * pick.below(20));
    const rest = pick.one(["!", "A!", "AA!", "AAA!", "=AAA", "A=AA", "AA=A"]);
    const text = Buffer.from(good.toString("base64") + rest + pick.one(["", "AAAA", "!"]));
    const read: Buffer[] = [];
    const reading = (async () => {
      for await (const bytes of bytesOfText(Readable.from(cut(text, randomLengths(pick, text.length)))))
        read.push(Buffer.from(bytes));
    })();
    await expect(reading, String(seed)).rejects.toMatchObject({ reason: ErrorReason.MALFORMED_BODY });
    expect(Buffer.concat(read), String(seed)).toEqual(good);
  }
});

describe("F-GRPCWEB: limits hold for what the text stands for", () => {
  const limited = (extra: number) => {
    const spare = echo({ data: Buffer.alloc(LIMIT - 100) }).length - 5;
    return echo({ data: Buffer.alloc(LIMIT - 100 + LIMIT - spare + extra, 7) });
  };

  it.each([
    ["one piece", []],
    ["pieces of one byte", Array.from({ length: 2 * LIMIT }, () => 1)],
  ])("in %s", async (_, pieces) => {
    for (const server of servers) {
      for (const http2 of [false, true]) {
        const full = limited(0);
        expect(full.length).toBe(LIMIT + 5);
        expect(await ask(server, asText(textOf(full, pieces)), http2)).toEqual(
          inText(await ask(server, inBinary(full), http2)),
        );
        const refused = await ask(server, asText(textOf(limited(1), pieces)), http2);
        expect(trailersOf(refused)).toContain("grpc-status: 8\r\n");
      }
    }
  });

  it("also for compressed frames", async () => {
    const gzip = { "grpc-encoding": "gzip", "grpc-accept-encoding": "gzip" };
    const compressed = (bytes: Buffer) => frame(gzipSync(bytes.subarray(5)), 1);
    for (const server of servers) {
      const answer = await ask(server, asText(textOf(compressed(limited(0)), [1]), gzip));
      const [message] = framesOf(Buffer.from(answer.body.split("=")[0] ?? "", "base64"));
      expect(answer.headers["grpc-encoding"]).toBe("gzip");
      expect(fromBinary(EchoResponseSchema, gunzipSync(message?.subarray(5) ?? "")).data.byteLength).toBeGreaterThan(
        LIMIT - 200,
      );
      const refused = await ask(server, asText(textOf(compressed(limited(1)), [1]), gzip));
      expect(trailersOf(refused)).toContain("grpc-status: 8\r\n");
    }
  });
});

it("F-GRPCWEB, F-TYPE: tells errors that need no body in the headers", async () => {
  for (const server of servers) {
    for (const http2 of [false, true]) {
      const unknown = await ask(server, { ...asText(textOf(echo({}), [])), path: "/no.such.Service/M" }, http2);
      const headers = { "content-type": TEXT, "grpc-status": "12" };
      expect(unknown).toMatchObject({ status: 200, headers, body: "" });
      const type = await ask(server, callTo("Echo", textOf(echo({}), []), { "content-type": `${TEXT}+thrift` }), http2);
      expect(type).toMatchObject({ status: 415, headers, body: "" });
    }
  }
});

it("F-ERRTEXT: encodes no more of a message than gRPC's specification names, in the last frame as well", async () => {
  for (const server of servers) {
    const long = echo({ behave: "x".repeat(101) });
    for (const [method, body] of [
      ["Echo", long],
      ["Repeat", frame(Buffer.from([0x0a]))],
    ] as const) {
      const call = { ...inBinary(body), path: `/colloquy.test.v1.EchoService/${method}` };
      const { body: answer } = await ask(server, call);
      expect(answer).toMatch(/grpc-message: [a-z]+[: ][ -$&-~]+\r\n/);
      expect(await ask(server, { ...asText(textOf(body, [2])), path: call.path })).toEqual(
        inText({ ...(await ask(server, call)), headers: (await ask(server, call)).headers }),
      );
    }
  }
});

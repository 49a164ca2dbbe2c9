// A body is read whole, however it arrives: each call is answered as the same call in the plainest framing.
import type { ClientHttp2Session } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { BatchSendMessagesRequestSchema } from "../../gen/colloquy/v1/message_service_pb.ts";
import {
  callOf,
  FORMS,
  nameOf,
  randomBodyFraming,
  randomDataFraming,
  randomHttp2Framing,
  randomPackets,
  randomWireCall,
  type WireCall,
} from "../support/calls/framed-calls.ts";
import { type BodyFraming, cut, type FramedAnswer, http1Request, speakHttp1 } from "../support/calls/framed-http1.ts";
import { callHttp2, openCutHttp2 } from "../support/calls/framed-http2.ts";
import { Picker } from "../support/random/random-calls.ts";
import { type EchoServer, type EchoServerOptions, startEchoServer } from "../support/servers/echo-server.ts";
import { startStoreServer } from "../support/servers/store-server.ts";
import { type Certificate, makeCertificate } from "../support/services/certificate.ts";

/** Rounds of random connections; many for a night: `TEST_CALLS=100000`. */
const ROUNDS = Number(process.env.TEST_CALLS ?? 60);
const FIRST = Number(process.env.TEST_SEED ?? 1);
const TEXTS = ["one", "zwei — ü", ""];

let certificate: Certificate;
let servers: readonly (readonly [name: string, server: EchoServer])[];
beforeAll(async () => {
  certificate = makeCertificate();
  const start = async (name: string, options: EchoServerOptions) =>
    [name, await startEchoServer({ rest: true, ...options })] as const;
  const off = { unaryLane: false, streamLane: false };
  servers = await Promise.all([
    start("clear", {}),
    start("TLS", { tls: certificate }),
    start("clear, lanes off", off),
    start("TLS, lanes off", { tls: certificate, ...off }),
  ]);
});
afterAll(async () => {
  await Promise.all(servers.map(([, server]) => server.close()));
  certificate.remove();
});

/** The answer in the plainest framing: over HTTP/2 one DATA frame, else Content-Length, on a connection of its own. */
async function plainly({ url }: EchoServer, call: WireCall, overHttp2 = call.needsHttp2): Promise<FramedAnswer> {
  if (!overHttp2) return (await speakHttp1(url, [http1Request(call, {})]))[0] as FramedAnswer;
  const session = openCutHttp2(url, { padding: "none", packet: 1_000_000 });
  try {
    return await callHttp2(session, call, { frames: [], emptyEnd: false });
  } finally {
    session.destroy();
  }
}

const EVERYTHING = process.env.TEST_KINDS === "all";
/**
 * What reads the body of a call knows its wire and method, and whether that is packed; the message is decoded once it is
 * whole. So packed calls are in JSON, and those in clear in Protobuf; with `TEST_KINDS=all` both are in both.
 */
const LOOKED_AT = FORMS.filter(({ wire, json, gzip }) => EVERYTHING || wire === "rest" || json === gzip);
/**
 * Without the lanes, which are what could cut a body, every third border; with `TEST_KINDS=all`, as in the torture run,
 * each.
 */
const isLookedAt = (name: string, i: number) => EVERYTHING || !name.includes("off") || i % 3 === 0;
/** Each border comes to the lanes in clear; the others each take a part of them, from form to form another. */
const TURNS: Readonly<Record<string, number>> = { "clear, lanes off": 2, TLS: 4, "TLS, lanes off": 4 };
/** The head of a message, and what may be in front of it. */
const HEAD = 16;
/** Of the borders behind the head, every third is in the first request of a connection; from form to form others. */
const isFirst = (name: string, i: number, form: number) =>
  EVERYTHING || (isLookedAt(name, i) && (i < HEAD || (i + form) % 3 === 0));
/** All lengths that a first piece can have, but those of nothing and all. */
const borders = ({ body }: WireCall) => Array.from({ length: body.length - 1 }, (_, i) => [i + 1]);
const ones = (length: number) => Array.from({ length }, () => 1);
/** So many requests behind each other: what Node takes over TLS without more ado. */
const BEHIND = 8;

describe("F-BODY: over HTTP/1.1", () => {
  it.each(
    LOOKED_AT.filter((form) => !callOf(form, TEXTS).needsHttp2).map((form, n) => [nameOf(form), form, n] as const),
  )(
    "reads %s whole, chunked at every border, as the first and a later request, in one packet and in many",
    async (_, form, n) => {
      const call = callOf(form, TEXTS);
      const framings = [ones(call.body.length), ...borders(call)].map((chunks, i): BodyFraming => {
        return { chunks, extensions: i % 3 === 1, trailers: i % 3 === 2 };
      });
      const requests = framings.map((framing) => http1Request(call, framing));
      for (const [at, [name, server]] of servers.entries()) {
        const plain = await plainly(server, call);
        expect(plain.status, name).toBe(200);
        const encrypted = server.url.startsWith("https:");
        const turns = EVERYTHING ? 1 : (TURNS[name] ?? 1);
        const step = turns * BEHIND;
        for (let from = ((n + at) % turns) * BEHIND; from < requests.length; from += step) {
          const some = requests.slice(from, from + BEHIND);
          const all = Buffer.concat(some);
          const packets = Math.floor(from / step) % 2 === 0 ? [all] : cut(all, [1 + from, 300, 7]);
          expect(await speakHttp1(server.url, packets, some.length), `${name}: ${from}`).toEqual(some.map(() => plain));
        }
        // Under TLS nothing is read before the server that serves it.
        if (encrypted) continue;
        for (const [i, request] of requests.entries()) {
          if (!isFirst(name, i, n)) continue;
          expect(await speakHttp1(server.url, [request]), `${name}: first, ${i}`).toEqual([plain]);
        }
        const head = (requests[0] as Buffer).indexOf("\r\n\r\n");
        const slow = cut(requests[0] as Buffer, [head, ...ones(10_000)]);
        expect(await speakHttp1(server.url, slow), `${name}: a byte a packet`).toEqual([plain]);
      }
    },
  );
});

describe("F-BODY: over HTTP/2", () => {
  it.each(LOOKED_AT.map((form) => [nameOf(form), form] as const))(
    "reads %s whole, its data in frames of every length, padded or not, the end in a frame of its own or not",
    async (_, form) => {
      const call = callOf(form, TEXTS);
      const framings = [ones(call.body.length), [], [0], ...borders(call)];
      for (const [name, server] of servers) {
        if (server.url.startsWith("https:")) continue;
        const plain = await plainly(server, call, true);
        expect(plain.status, name).toBe(200);
        for (const [n, padding] of (["none", "aligned", "most"] as const).entries()) {
          const session = openCutHttp2(server.url, { padding, packet: 1_000_000 });
          const some = framings.filter((_, i) => i < 3 || (i % 3 === n && isLookedAt(name, Math.floor(i / 3))));
          const answers = await Promise.all(
            some.map((frames, i) => callHttp2(session, call, { frames, emptyEnd: i % 2 === 0 })),
          );
          session.destroy();
          for (const [i, answer] of answers.entries()) {
            expect(answer, `${name}, ${padding}: ${some[i]}`).toEqual(plain);
          }
        }
      }
    },
  );
});

describe("F-BODY: random framings", () => {
  async function overHttp1(pick: Picker, server: EchoServer, calls: readonly WireCall[]): Promise<FramedAnswer[]> {
    const bytes = Buffer.concat(calls.map((call) => http1Request(call, randomBodyFraming(pick, call))));
    return speakHttp1(server.url, cut(bytes, randomPackets(pick, bytes.length)), calls.length);
  }
  async function overHttp2(pick: Picker, server: EchoServer, calls: readonly WireCall[]): Promise<FramedAnswer[]> {
    const session: ClientHttp2Session = openCutHttp2(server.url, randomHttp2Framing(pick));
    try {
      return await Promise.all(calls.map((call) => callHttp2(session, call, randomDataFraming(pick, call))));
    } finally {
      session.destroy();
    }
  }

  it(
    `answers the calls of ${ROUNDS} random connections as in the plainest framing`,
    async () => {
      let good = 0;
      let bad = 0;
      for (let seed = FIRST; seed < FIRST + ROUNDS; seed++) {
        const pick = new Picker(seed);
        const [name, server] = pick.one(servers);
        const drawn = Array.from({ length: 1 + pick.below(4) }, () => randomWireCall(pick));
        const http2 = pick.chance(0.5);
        const calls = http2 ? drawn : drawn.filter(({ needsHttp2 }) => !needsHttp2);
        const plain = await Promise.all(calls.map((call) => plainly(server, call, http2)));
        const framed = calls.length === 0 ? [] : await (http2 ? overHttp2 : overHttp1)(pick, server, calls);
        expect(framed, `${seed}: ${name}, ${calls.map((call) => call.name)}`).toEqual(plain);
        for (const { status } of plain) status === 200 ? good++ : bad++;
      }
      expect(good).toBeGreaterThan(ROUNDS);
      expect(bad).toBeGreaterThan(0);
    },
    Math.max(120_000, 200 * ROUNDS),
  );
});

test("F-BODY: a batch in two chunks is stored whole", async () => {
  const store = await startStoreServer();
  const tenant = await store.tenant("ada");
  const ada = tenant.member("ada");
  const conversationId = (await ada.conversations.createConversation({})).conversation!.id;
  const half = (...messages: string[]) =>
    toBinary(
      BatchSendMessagesRequestSchema,
      create(BatchSendMessagesRequestSchema, { messages: messages.map((content) => ({ content })) }),
    );
  const whole = create(BatchSendMessagesRequestSchema, { conversationId });
  const first = Buffer.concat([toBinary(BatchSendMessagesRequestSchema, whole), half("one")]);
  const body = Buffer.concat([first, half("two", "three")]);
  const headers = {
    "content-type": "application/proto",
    "x-test-principal": JSON.stringify({ kind: "member", tenantId: tenant.id, memberId: "ada", role: "member" }),
  };
  const path = "/colloquy.v1.MessageService/BatchSendMessages";
  const [answer] = await speakHttp1(store.url, [http1Request({ path, headers, body }, { chunks: [first.length] })]);
  expect(answer?.status).toBe(200);
  const { messages } = await ada.messages.listMessages({ conversationId });
  expect(messages.map(({ content }) => content)).toEqual(["one", "two", "three"]);
  await store.close();
});

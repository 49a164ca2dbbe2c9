// What front ends and the OpenAI dialect are sent: read whole however it arrives, bombs refused, the worst that 4 MiB
// let through cheap, and names that JavaScript knows nothing but names.
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { brotliBomb, gzipBomb, manyGzips } from "../fault/faults/bombs.ts";
import { type BodyFraming, cut, type FramedCall, http1Request, speakHttp1 } from "../support/calls/framed-http1.ts";
import { callHttp2, openCutHttp2 } from "../support/calls/framed-http2.ts";
import { DOORS, type Door } from "../support/calls/front-doors.ts";
import { type Sender, startSender } from "../support/calls/sender.ts";
import { LIMIT, worstUnknown } from "../support/calls/worst-bodies.ts";
import { type ChatServer, startChats } from "../support/fronts/ai-sdk.ts";
import { leastHeldBy } from "../support/measure/loop-held.ts";
import { usedMemory } from "../support/measure/memory.ts";

vi.setConfig({ testTimeout: 120_000 });

/** So long may what one request brings hold the loop, in milliseconds of the thread's own work. */
const MAX_MS = 50;
const MIB = 1024 * 1024;

let server: ChatServer;
let sender: Sender;
beforeAll(async () => {
  server = await startChats([], { COLLOQUY_COMPAT: "aisdk,agui,a2a,mcp,openai" });
  sender = startSender(server.server.url);
});
afterAll(async () => {
  await sender[Symbol.asyncDispose]();
  await server.close();
});

const NAMES = Object.keys(DOORS);
const doorOf = (name: string) => DOORS[name] as Door;
/** One door for each of what these say: what is alike at two of them is tried at one. */
const oneFor = (key: (door: Door) => string) =>
  [...new Map(NAMES.toReversed().map((name) => [key(doorOf(name)), name])).values()].toReversed();
const PATHS = oneFor(({ path }) => path);
const CALLS = oneFor(({ path, call }) => path + JSON.stringify(call));

function headersOf(path: string): Record<string, string> {
  const accept = path === "/mcp" ? "application/json, text/event-stream" : "*/*";
  return {
    ...server.credential,
    "content-type": "application/json",
    accept,
    ...(path.startsWith("/a2a") && { "a2a-version": "1.0" }),
    ...(path === "/mcp" && { "mcp-protocol-version": "2025-06-18" }),
    "x-request-id": "same",
  };
}

describe("F-BODY: front ends", () => {
  test.each(CALLS)("%s reads a body whole, however it arrives", async (name) => {
    const { path, call, marked } = doorOf(name);
    const body = Buffer.from(JSON.stringify(call));
    const plainCall: FramedCall = { path, headers: headersOf(path), body };
    const zipped: FramedCall = {
      path,
      headers: { ...plainCall.headers, "content-encoding": "gzip" },
      body: gzipSync(body),
    };
    const { url } = server.server;
    const [plain] = await speakHttp1(url, [http1Request(plainCall, {})]);
    expect(plain?.body).toContain(Buffer.from(marked).toString("latin1"));
    for (const each of [plainCall, zipped]) {
      const ones = Array.from({ length: each.body.length }, () => 1);
      const framings: BodyFraming[] = [{}, { chunks: ones, extensions: true }, { chunks: [1], trailers: true }];
      for (let at = 2; at < each.body.length; at += 7) framings.push({ chunks: [at] });
      const requests = framings.map((framing) => http1Request(each, framing));
      for (const [i, request] of requests.entries()) {
        const packets = i % 2 === 0 ? [request] : cut(request, [300, 1, 7]);
        expect(await speakHttp1(url, packets), `${i}`).toEqual([plain]);
      }
      expect(await speakHttp1(url, [Buffer.concat(requests.slice(0, 4))], 4)).toEqual([plain, plain, plain, plain]);
      const session = openCutHttp2(url, { padding: "most", packet: 100 });
      for (const frames of [[], [0], ones, [body.length >> 1]]) {
        const { status, body: said } = await callHttp2(session, each, { frames, emptyEnd: frames.length % 2 === 0 });
        expect([status, said]).toEqual([plain?.status, plain?.body]);
      }
      session.destroy();
    }
  });
});

describe("A1: front ends", () => {
  const PACKED = [
    ["gzip", gzipBomb()],
    ["br", brotliBomb()],
    ["gzip", manyGzips()],
  ] as const;

  test.each(PATHS)("%s refuses what unpacks to 64 MiB", async (name) => {
    const { path } = doorOf(name);
    for (const [coding, body] of PACKED) {
      const headers = { ...headersOf(path), "content-encoding": coding };
      const { value, ms } = await leastHeldBy(MAX_MS, () =>
        sender.send({ http: "1.1", verb: "POST", path, headers, body }),
      );
      expect(value).toMatch(coding === "br" ? /^(413|415)$/ : /^413$/);
      expect(ms).toBeLessThan(MAX_MS);
    }
  });

  const times = (text: string) => text.repeat(Math.floor((LIMIT - 4_000) / (2 * text.length)));
  const objects = (count: number, names: number, name: (i: number, k: number) => string) => {
    const members = (i: number) => Array.from({ length: names }, (_, k) => `"${name(i, k)}":1`).join();
    return `[${Array.from({ length: count }, (_, i) => `{${members(i)}}`).join()}]`;
  };
  /** Half of the limit each, for some stand twice. */
  const VALUES: Readonly<Record<string, string>> = {
    objects: `[${times("{},")}{}]`,
    "few objects": `[${"{},".repeat(9_000)}{}]`,
    "objects of names": `[${'{"type":"text","text":"a","id":"b"},'.repeat(4_900)}{}]`,
    names: `{${Array.from({ length: 150_000 }, (_, i) => `"a${i}":1`).join()}}`,
    "few names": `{${Array.from({ length: 9_000 }, (_, i) => `"a${i}":"x"`).join()}}`,
    // What they cost is names that no object before had, or that none had in this order: 190,000, 90,000 and 190,000.
    "objects of a hundred names": objects(1_900, 100, (i, k) => `a${i}x${k}`),
    "objects of ten names": objects(9_000, 10, (i, k) => `a${i}x${k}`),
    "objects of the same names in another order": objects(1_900, 100, (i, k) => `a${(k * 7 + i * 13) % 101}`),
    "good objects of a hundred names": objects(1_900, 100, (i, k) => `a${i}x${k}`).replaceAll(
      "{",
      '{"type":"text","text":"a","id":"b",',
    ),
    "as many as a message may have": objects(500, 97, (i, k) => `a${i}x${k}`).replaceAll(
      "{",
      '{"type":"text","text":"a","id":"b",',
    ),
    "good objects": `[${'{"type":"text","text":"a"},'.repeat(66_000)}{"type":"text","text":"a"}]`,
    "objects after white space": `[${"0,".repeat(9_000)}${" ".repeat(LIMIT / 4)}[1],2]`,
    escapes: `"${times("\\n")}"`,
    "a text of escapes": `{"type":"text","text":"${times("\\n")}"}`,
    digits: times("9"),
    numbers: `[${"1.5,".repeat(19_000)}1]`,
    levels: `${"[".repeat(200)}${"]".repeat(200)}`,
    "too many levels": times("["),
    "many texts": `[${`"${"x".repeat(100)}",`.repeat(18_000)}""]`,
    base64: `{"type":"file","mediaType":"image/png","url":"data:image/png;base64,${times("QUFB")}"}`,
  };

  /** What these cost is to read them as JSON, which is done before a front end sees any of it. */
  const READ_ALIKE = [
    "objects",
    "names",
    "objects of a hundred names",
    "objects of ten names",
    "objects of the same names in another order",
    "good objects of a hundred names",
    "good objects",
    "objects after white space",
    "escapes",
    "digits",
    "numbers",
    "levels",
    "too many levels",
    "many texts",
  ];
  /** The doors behind each reader of JSON. MCP takes less than most of these bodies. */
  const READERS = [NAMES.filter((name) => !/OpenAI|MCP/.test(name)), NAMES.filter((name) => /OpenAI/.test(name))];
  const isAmong = (name: string, turn: number, doors: readonly string[]) => doors[turn % doors.length] === name;

  /** Each body at every door; one that is read alike at one of each reader, by turns. With `TEST_KINDS=all`, each. */
  function* bodiesAt(name: string): Generator<readonly [string, Buffer]> {
    const everything = process.env.TEST_KINDS === "all";
    for (const [what, json] of Object.entries(VALUES)) {
      const turn = READ_ALIKE.indexOf(what);
      if (everything || turn === -1 || READERS.some((doors) => isAmong(name, turn, doors)))
        yield [what, Buffer.from(doorOf(name).around(json))];
    }
    if (!PATHS.includes(name)) return;
    for (const [turn, body] of [...worstUnknown()].entries()) {
      if (body.encoding !== "json") continue;
      if (
        everything ||
        READERS.some((doors) =>
          isAmong(
            name,
            turn,
            doors.filter((door) => PATHS.includes(door)),
          ),
        )
      )
        yield [body.name, body.bytes];
    }
  }

  /** What is in use before a test, which is what the one before has left. */
  let before: number;
  const used = async () => {
    const { heapUsed, external } = await usedMemory();
    return heapUsed + external;
  };

  test.each(NAMES)("the worst bodies are cheap for %s, and leave nothing behind", async (name) => {
    const { path } = doorOf(name);
    const headers = headersOf(path);
    before ??= await used();
    const slow: string[] = [];
    for (const [what, body] of bodiesAt(name)) {
      const send = () => sender.send({ http: "1.1", verb: "POST", path, headers, body });
      const { value: status, ms } = await leastHeldBy(MAX_MS, send);
      if (ms > MAX_MS) slow.push(`${what}: ${Math.round(ms)} ms (${status})`);
      expect(status, what).toMatch(/^[24]\d\d$/);
    }
    expect(slow).toEqual([]);
    const after = await used();
    expect(after - before).toBeLessThan(32 * MIB);
    before = after;
  });

  test.each(NAMES)("names that JavaScript knows are names for %s", async (name) => {
    const { path, around } = doorOf(name);
    const hostile = ["__proto__", "constructor", "prototype", "toString", "then", "hasOwnProperty", "toJSON"];
    for (const key of hostile) {
      const evil = `{"${key}":{"polluted":"yes","prototype":{"polluted":"yes"}},"type":"${key}","role":"${key}"}`;
      for (const body of [around(evil), around(`{"a":[${evil}]}`), evil, around(`"${key}"`)]) {
        const headers = headersOf(path);
        expect(await sender.send({ http: "1.1", verb: "POST", path, headers, body: Buffer.from(body) })).toMatch(
          /^[24]\d\d$/,
        );
      }
    }
    expect(({} as { polluted?: string }).polluted).toBeUndefined();
    expect((await fetch(`${server.server.url}/healthz`)).status).toBe(200);
  });
});

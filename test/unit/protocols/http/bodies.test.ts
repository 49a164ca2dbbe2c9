// Bodies are whole or refused, whatever the shape in which their source gives them, and wait for room.
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { collect, takeAll } from "../../../../src/protocols/http/body/collect.ts";
import { RequestBody } from "../../../../src/protocols/http/body/request-body.ts";
import { createBodyRules } from "../../../../src/protocols/http/body/rules.ts";

const KIB = 1024;
const { signal } = new AbortController();
const source = () => new Readable({ read: () => {}, highWaterMark: 1024 * KIB });
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("what is there is all taken, in as many pieces as it came", () => {
  const body = source();
  for (const text of ["one", "", "two", "three"]) body.push(text);
  expect(String(takeAll(body))).toBe("onetwothree");
  expect(String(takeAll(body))).toBe("");
});

test.each([
  ["a request that was aborted", { aborted: true }],
  ["a stream that was reset, whose body ends as a whole one does", { stream: { aborted: true } }],
])("%s has no body, before its end or at it", async (_, marks) => {
  const options = { maxBytes: KIB, timeoutMs: 60_000, interrupt: signal, charge: () => undefined };
  const before = Object.assign(source(), marks);
  await expect(collect(before, options)).rejects.toThrow("the body broke off");
  const later = source();
  const body = collect(later, options);
  later.push("half");
  Object.assign(later, marks).push(null);
  await expect(body).rejects.toThrow("the body broke off");
  const pieces = source();
  const read = new RequestBody(pieces, () => pieces, createBodyRules()).pieces(signal, {
    streams: false,
    maxBytes: KIB,
  });
  pieces.push("half");
  expect(String((await read.next()).value)).toBe("half");
  Object.assign(pieces, marks).push(null);
  await expect(read.next()).rejects.toThrow("the body broke off");
});

test.each(["whole", "in pieces"])(
  "one that is read %s waits until the older of its connection has come",
  async (how) => {
    const rules = createBodyRules({ maxBodyBytes: 64 * KIB, streamWindowBytes: KIB });
    const connection = {};
    const [older, newer] = [source(), source()];
    const bodies = [older, newer].map((one) => new RequestBody(one, () => connection, rules));
    const first = bodies[0]?.whole(256 * KIB, () => signal);
    older.push(Buffer.alloc(50 * KIB));
    await turn();
    const second = how === "whole" ? bodies[1]?.whole(256 * KIB, () => signal) : joined(bodies[1]);
    const PIECE = 20 * KIB;
    newer.push(Buffer.alloc(PIECE));
    await expect.poll(() => newer.readableLength).toBe(0);
    newer.push(Buffer.alloc(PIECE));
    for (let i = 0; i < 5; i++) await turn();
    expect([newer.readableLength, newer.isPaused() || how !== "whole"]).toEqual([PIECE, true]);
    older.push(null);
    expect((await first)?.byteLength).toBe(50 * KIB);
    bodies[0]?.release();
    newer.push(null);
    expect((await second)?.byteLength).toBe(2 * PIECE);
    bodies[1]?.release();
    expect(rules.memory.held).toBe(0);
  },
);

async function joined(body: RequestBody | undefined): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of body?.pieces(signal, { streams: false, maxBytes: 256 * KIB }) ?? []) pieces.push(piece);
  return Buffer.concat(pieces);
}

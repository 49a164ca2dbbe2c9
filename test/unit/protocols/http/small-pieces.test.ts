// A body that comes a byte at a time holds little more than its bytes while it is collected.
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { collect } from "../../../../src/protocols/http/body/collect.ts";
import { wholeText } from "../../../../src/protocols/rpc/web-text.ts";
import { usedMemory } from "../../../support/measure/memory.ts";

const MIB = 1024 * 1024;

function collecting(source: Readable) {
  const { signal } = new AbortController();
  return collect(source, { maxBytes: 4 * MIB, timeoutMs: 600_000, interrupt: signal, charge: () => undefined });
}

test("a MiB in pieces of one byte holds less than 8 MiB before its end, and is whole then", async () => {
  const source = new Readable({ read: () => {} });
  const body = collecting(source);
  const before = (await usedMemory()).heapUsed;
  for (let at = 0; at < MIB; ) {
    for (const end = at + 10_000; at < Math.min(end, MIB); at++) source.push(Buffer.from([at % 251]));
    while (source.readableLength > 0) await new Promise((resolve) => setImmediate(resolve));
  }
  expect((await usedMemory()).heapUsed - before).toBeLessThan(8 * MIB);
  source.push(null);
  const whole = Buffer.from(Uint8Array.from({ length: MIB }, (_, i) => i % 251));
  // Vitest compares them byte by byte.
  expect(whole.equals((await body) as Buffer)).toBe(true);
});

test("so does base64 that comes four characters at a time", async () => {
  const bytes = Buffer.from(Uint8Array.from({ length: MIB - 1 }, (_, i) => i % 251));
  const text = bytes.toString("base64");
  const all = Promise.withResolvers<void>();
  const looked = Promise.withResolvers<void>();
  async function* pieces() {
    for (let at = 0; at < text.length; at += 4) yield Buffer.from(text.slice(at, at + 4));
    all.resolve();
    await looked.promise;
  }
  const before = (await usedMemory()).heapUsed;
  const body = wholeText(pieces(), 4 * MIB);
  await all.promise;
  // 350,000 buffers of three bytes would take 40 MiB.
  expect((await usedMemory()).heapUsed - before).toBeLessThan(12 * MIB);
  looked.resolve();
  expect(bytes.equals((await body) as Buffer)).toBe(true);
});

test.each([1, 999, 1_000, 1_001, 2_500])("%i pieces of many sizes are joined in their order", async (count) => {
  const pieces = Array.from({ length: count }, (_, i) =>
    Buffer.alloc(1 + ((i * 7919) % (i % 50 === 0 ? 9_000 : 40)), i),
  );
  const whole = Buffer.concat(pieces);
  expect(whole.equals((await collecting(Readable.from(pieces, { objectMode: false }))) as Buffer)).toBe(true);
});

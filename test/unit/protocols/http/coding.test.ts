// The content codings, whole and streamed: what was compressed comes back, and what is wrong with a body is said.
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { ErrorReason } from "../../../../src/domain/errors.ts";
import { BROTLI, CODINGS, type Coding, compressAsAccepted, GZIP } from "../../../../src/protocols/http/coding.ts";

const TEXT = "one two three ".repeat(500);
const NAMES = ["gzip", "br", "deflate", "x-gzip"] as const;
const COMPRESS = { gzip: gzipSync, br: brotliCompressSync, deflate: deflateSync, "x-gzip": gzipSync };

const codingOf = (name: string) => CODINGS.get(name) as Coding;

async function* pieces(bytes: Uint8Array, length = 7): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += length) yield bytes.subarray(at, at + length);
}

async function expanded(coding: Coding, bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of coding.expand(bytes)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe.each(NAMES)("%s", (name) => {
  const coding = codingOf(name);
  const bytes = COMPRESS[name](TEXT);

  test("a whole body comes back, and so does an empty one", async () => {
    expect(String(await coding.decompress(bytes, TEXT.length))).toBe(TEXT);
    expect(await coding.decompress(Buffer.alloc(0), 10)).toHaveLength(0);
  });

  test("a body comes back in whatever pieces it came", async () => {
    for (const length of [1, 7, bytes.length]) expect(await expanded(coding, pieces(bytes, length))).toBe(TEXT);
  });

  test("a body that would be longer than it may be is refused", async () => {
    const refused = { reason: ErrorReason.TOO_LARGE, message: expect.stringContaining("at most 6999 bytes") };
    await expect(coding.decompress(bytes, TEXT.length - 1)).rejects.toMatchObject(refused);
  });

  test("a body that is damaged, or not compressed at all, is malformed", async () => {
    const malformed = { reason: ErrorReason.MALFORMED_BODY, message: "the body is not what its content-encoding says" };
    await expect(coding.decompress(bytes.subarray(0, -5), 1e6)).rejects.toMatchObject(malformed);
    await expect(coding.decompress(Buffer.from(TEXT), 1e6)).rejects.toMatchObject(malformed);
    await expect(expanded(coding, pieces(bytes.subarray(0, -5)))).rejects.toMatchObject(malformed);
  });

  test("a small body is there at once, and one that grows is left to another thread", async () => {
    const isAtOnce = async (text: string) => {
      let there = false;
      const result = coding.decompress(COMPRESS[name](text), 1e6).finally(() => (there = true));
      // Another thread is heard in a later turn of the loop, after all that is waiting in this one.
      for (let i = 0; i < 20; i++) await undefined;
      const early = there;
      expect(String(await result)).toBe(text);
      return early;
    };
    expect(await isAtOnce(TEXT)).toBe(true);
    expect(await isAtOnce("a".repeat(200_000))).toBe(false);
  });

  test("a small body is refused as a large one is", async () => {
    const [small, bomb] = [COMPRESS[name]("one"), COMPRESS[name]("a".repeat(200_000))];
    const reasonOf = (bytes: Uint8Array, max: number) => coding.decompress(bytes, max).catch(({ reason }) => reason);
    expect(await reasonOf(small, 2)).toBe(ErrorReason.TOO_LARGE);
    expect(await reasonOf(bomb, 2)).toBe(ErrorReason.TOO_LARGE);
    expect(await reasonOf(bomb, 100_000)).toBe(ErrorReason.TOO_LARGE);
    expect(await reasonOf(small.subarray(0, -2), 100)).toBe(ErrorReason.MALFORMED_BODY);
    expect(await reasonOf(Buffer.concat([small, Buffer.from("more")]), 100)).toBe(ErrorReason.MALFORMED_BODY);
  });

  test("bytes after the end of a whole body are refused", async () => {
    const followed = coding.decompress(Buffer.concat([bytes, Buffer.from("more")]), 1e6);
    await expect(followed).rejects.toMatchObject({ reason: ErrorReason.MALFORMED_BODY });
  });

  test("what breaks the pieces of a body breaks what is made of them", async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 20);
      throw new Error("the client is disconnected");
    }
    await expect(expanded(coding, broken())).rejects.toThrow("the client is disconnected");
  });
});

test.each([GZIP, BROTLI])("$name is read as it is written", async (coding) => {
  for (const effort of ["quick", "small"] as const) {
    const compressed = await coding.compress(TEXT, effort);
    expect(String(await coding.decompress(compressed, TEXT.length))).toBe(TEXT);
  }
});

test.each([
  [undefined, "identity"],
  ["", "identity"],
  ["gzip", "gzip"],
  ["gzip, br", "br"],
  ["gzip;q=1, br;q=0.5", "gzip"],
  ["*", "br"],
  ["*, identity;q=1", "br"],
  ["br;q=0, gzip;q=0", "identity"],
  ["deflate", "identity"],
])("of Accept-Encoding %j the body goes as %s", async (header, coding) => {
  expect((await compressAsAccepted(TEXT, header)).coding).toBe(coding);
});

test("what compression would make longer goes as it is", async () => {
  expect(await compressAsAccepted("a", "gzip")).toEqual({ coding: "identity", body: "a" });
});

// The base64 of long data URLs is taken out of JSON bodies: what is left, what is put back, and what it costs.
import { createHash, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { withTexts } from "../../../../src/domain/files/inline-bytes.ts";
import { shortenDataUrls } from "../../../../src/protocols/rest/request/json/long-data-urls.ts";
import { leastHeldBy } from "../../../support/measure/loop-held.ts";

const picture = randomBytes(90_000);
const url = (bytes: Buffer, head = "data:image/png;base64,") => head + bytes.toString("base64");
const shorten = (text: string) => shortenDataUrls(Buffer.from(text), ["result"]);

/** The JSON that is read, with the texts put back. */
async function readBack(text: string) {
  const { body, texts } = await shorten(text);
  return JSON.parse(withTexts(body.toString(), texts)) as unknown;
}

test("a long data URL is taken out, with its size, hash and bytes, and put back", async () => {
  const value = {
    a: [url(picture), url(randomBytes(60_000), "data:;base64,"), url(picture)],
    b: "data:image/png;base64,AA==",
  };
  const { body, texts } = await shorten(JSON.stringify(value));
  expect(body.length).toBeLessThan(500);
  expect(texts.size).toBe(2);
  const [first] = [...texts.values()];
  expect(first).toMatchObject({ size: 90_000, sha256: createHash("sha256").update(picture).digest("base64url") });
  expect(Buffer.concat([...(first?.pieces() ?? [])]).equals(picture)).toBe(true);
  expect(await readBack(JSON.stringify(value))).toEqual(value);
});

test("so is the whole text of a member whose name is given, and nothing like it", async () => {
  const base64 = picture.toString("base64");
  const texts = [`{"result" :\n "${base64}", "other": "${base64}"}`, `["result", "${base64}", {"result": null}]`];
  texts.push(JSON.stringify({ text: `"result":"${base64}"`, result: `x;base64,${base64}`, 'a"result': base64 }));
  const found: number[] = [];
  for (const text of texts) {
    found.push((await shorten(text)).texts.size);
    expect(await readBack(text)).toEqual(JSON.parse(text));
  }
  expect(found).toEqual([1, 0, 0]);
});

test("whatever a body has, and however it is written, is read as without this", async () => {
  const near = fc.constantFrom(0, 1, 2, 49_150, 49_152, 49_155, 196_606, 196_608, 200_001, 400_000);
  const head = fc.constantFrom(
    "data:image/png;base64,",
    "DATA:;base64,",
    "data:a,;base64,",
    "x;base64,",
    "data:a/b;c=d;base64,",
  );
  const tail = fc.constantFrom("", "", "", "=", "!", " ", "AAAA", "\u00e9", '"', "\\");
  const long = fc
    .tuple(head, near, tail)
    .map(([before, size, after]) => url(Buffer.alloc(size, picture), before) + after);
  const member = fc.oneof({ weight: 3, arbitrary: long }, { weight: 1, arbitrary: fc.string() });
  const escapes = fc.constantFrom<readonly [string, string]>(
    ["", ""],
    ["/", "\\/"],
    ["+", "\\u002B"],
    [":", "\\u003a"],
  );
  const named = long.map((result) => ({ result: result.replace(/^.*,/, "") }));
  const bodies = fc.array(fc.tuple(fc.string(), fc.oneof(member, named)), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(bodies, escapes, async (members, [from, to]) => {
      const json = JSON.stringify(members);
      // Not the colon of a member.
      const escaped = new RegExp(`(?<!")${RegExp.escape(from)}`, "g");
      const text = from === "" || json.includes("\\") ? json : json.replaceAll(escaped, to);
      expect(await readBack(text)).toEqual(JSON.parse(text));
    }),
    { numRuns: 60 },
  );
});

test.each([
  ["PHP, which escapes each slash", (json: string) => json.replaceAll("/", "\\/")],
  [".NET, which escapes each plus", (json: string) => json.replaceAll("+", "\\u002B")],
  ["white space", (json: string) => JSON.stringify(JSON.parse(json), null, 8)],
])("as it is written by %s", async (_, write) => {
  const bytes = randomBytes(800_000);
  const value = { image_url: url(bytes), detail: "auto" };
  const { body, texts } = await shorten(write(JSON.stringify(value)));
  expect(body.length).toBeLessThan(500);
  expect([...texts.values()].map(({ size }) => size)).toEqual([800_000]);
  expect(await readBack(write(JSON.stringify(value)))).toEqual(value);
});

const long = "QUFB".repeat(30_000);
describe("stays as it is", () => {
  test.each([
    ["short", `data:image/png;base64,${"QUFB".repeat(10_000)}`],
    ["base64 of other characters", `data:image/png;base64,${long.replaceAll("U", "-")}`],
    ["base64 that is cut", `data:image/png;base64,${long}Q`],
    ["base64 that would be written otherwise", `data:image/png;base64,${long}QUF=`],
    ["base64 with more behind its end", `data:image/png;base64,QQ==${long}`],
    ["not only base64", `data:image/png;base64,${long} and more`],
    ["a URL within a text", `see data:image/png;base64,${long}`],
    ["JSON within JSON", JSON.stringify({ image_url: `data:image/png;base64,${long}` })],
    ["a head with a comma", `data:image/png,x;base64,${long}`],
    ["a head that is longer than any", `data:${"x".repeat(600)};base64,${long}`],
    ["beside our own word for one", ["~sha256:", `data:image/png;base64,${long}`]],
  ])("what is %s", async (_, value) => {
    const text = JSON.stringify({ value });
    const { body, texts } = await shorten(text);
    expect([body.toString() === text, texts.size]).toEqual([true, 0]);
  });
});

const MIB = 1 << 20;
test.each([
  ["one URL", () => `{"a":"data:image/png;base64,${"QUFB".repeat(7 * MIB)}"}`],
  ["escapes", () => `{"a":"data:image/png;base64,${"\\/\\/\\/\\/".repeat(3 * MIB)}"}`],
  ["beginnings", () => `{"a":"${";base64,".repeat(3 * MIB)}"}`],
  ["long beginnings", () => `{"a":"${`;base64,${"A".repeat(1_100)}`.repeat(15_000)}"}`],
  ["beginnings of strings", () => `["${`","data:;base64,${"A".repeat(1_100)}`.repeat(15_000)}"]`],
  ["one that is broken at its end", () => `{"a":"data:;base64,${"QUFB".repeat(7 * MIB)}-"}`],
])("%s: 24 MiB hold the loop for less than 50 ms", async (_, text) => {
  const body = Buffer.from(text());
  expect((await leastHeldBy(50, () => shortenDataUrls(body))).ms).toBeLessThan(50);
});

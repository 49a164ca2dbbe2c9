// Hostile templates, paths, queries and bodies: whatever comes, a clear answer goes back. Seeded, so that what fails
// fails again. REST_FUZZ sets how many inputs in all (default 20,000).
import { describe, expect, it } from "vitest";
import { parseTemplate, TemplateError } from "../../../src/protocols/rest/binding/template.ts";
import { askLocally } from "../../support/servers/in-process.ts";
import { createLibrary } from "../../support/servers/library.ts";

const TOTAL = Number(process.env.REST_FUZZ ?? 20_000);
const SEED = Number(process.env.REST_FUZZ_SEED ?? 1);

/** A small seeded generator (mulberry32). */
function createRandom(seed: number) {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T;
  const many = (most: number, make: () => string) => Array.from({ length: below(most + 1) }, make).join("");
  return { below, pick, many };
}
type Random = ReturnType<typeof createRandom>;

const templateParts = [
  "/",
  "*",
  "**",
  "{",
  "}",
  "=",
  ".",
  ":",
  "a",
  "b1",
  "_",
  "%2F",
  "%",
  "x",
  "{a}",
  "{b=c/*}",
  "{a.b=**}",
  " ",
  "é",
  "\0",
  "-",
];

const pathParts = [
  "a",
  "1",
  "x%2Fy",
  "%2e",
  "..",
  ".",
  "%00",
  "%FF",
  "%C3%A9",
  "%",
  "%zz",
  ":",
  ":done",
  ":restore",
  "*",
  "{x}",
  "+",
  "a:b",
  "%3A",
  "-1",
  "true",
  "COLOR_RED",
  ";",
  "@",
  "~",
  "|",
  "\\",
  '"',
  "",
  "featured",
  "__proto__",
];
const roots = [
  "/t1/params",
  "/t1/params/string",
  "/t1/params/int32",
  "/t1/params/multi/a",
  "/t1/params/rest",
  "/t1/params/pair",
  "/t1/books",
  "/t1/shelves",
  "/t1/cache",
  "/t1/files",
  "/t1",
  "/other",
];

const names = [
  "stringValue",
  "string_value",
  "int32Value",
  "int64Value",
  "floatValue",
  "doubleValue",
  "boolValue",
  "bytesValue",
  "enumValue",
  "stringList",
  "int32List",
  "enumList",
  "nested",
  "nested.text",
  "nested.nested.number",
  "nested.texts",
  "timestamp",
  "timestamp.seconds",
  "duration",
  "fieldMask",
  "stringWrapper",
  "int64Wrapper",
  "bytesWrapper.value",
  "choiceText",
  "choiceNumber",
  "choiceWrapper",
  "nestedList",
  "nestedList.text",
  "stringMap",
  "struct",
  "struct.fields",
  "value",
  "any",
  "any.typeUrl",
  "otherName",
  "optionalInt32",
  "__proto__",
  "toString",
  "",
  ".",
  "a.b.c",
  "%6eested.text",
  "pageSize",
  "tag",
  "bookId",
];
const values = [
  "",
  "0",
  "1",
  "-1",
  "01",
  "1e400",
  "1e3",
  "NaN",
  "-Infinity",
  "9223372036854775808",
  "true",
  "false",
  "null",
  "abc",
  "YQ==",
  "%00",
  "%FF",
  "%",
  "+",
  "%2B",
  "2026-01-31T12:00:00Z",
  "2026-99-99T99:99:99Z",
  "1.5s",
  "999999999999999s",
  "a,bC,d.e",
  "COLOR_RED",
  "2147483648",
  "%F0%9F%98%80",
  "%ED%A0%80",
  "{}",
  "[1]",
  "x".repeat(300),
];

const jsonParts = [
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  '"',
  '"text"',
  '"nested"',
  '"nestedList"',
  '"number"',
  '"struct"',
  '"value"',
  '"map"',
  '"__proto__"',
  '"time"',
  '"wrapper"',
  "1",
  "-",
  "1e999",
  "null",
  "true",
  "\\",
  "\\u0000",
  "\\ud800",
  " ",
  "\n",
  "\ufeff",
  '"a"',
  "NaN",
];

function randomPath(random: Random): string {
  return random.pick(roots) + random.many(5, () => `/${random.many(2, () => random.pick(pathParts))}`);
}

function randomQuery(random: Random): string {
  return random.many(
    6,
    () =>
      `${random.pick(["&", "&", "&", "", "=", "?"])}${random.pick(names)}${random.pick(["=", "=", "=", "", "=="])}${random.pick(values)}`,
  );
}

/** Values that mostly have the shape of the message, so that faults lie deep. */
function randomJson(random: Random, depth: number): unknown {
  const keys = [
    "text",
    "number",
    "texts",
    "map",
    "struct",
    "value",
    "wrapper",
    "time",
    "nulls",
    "kind",
    "nestedList",
    "nested_map",
    "nested",
    "inner",
    "list",
    "choiceText",
    "choiceNumber",
    "nope",
    "__proto__",
    "bookId",
    "title",
    "talkId",
  ];
  const kind = random.below(depth > 6 ? 5 : 8);
  if (kind === 0) return random.pick([null, true, false]);
  if (kind === 1) return random.pick([0, 1, -1, 1.5, 1e300, 2 ** 53, -(2 ** 31) - 1]);
  if (kind < 5)
    return random.pick(["", "a", "1", "COLOR_RED", "2026-01-31T12:00:00Z", "\ud800", "\0", "x".repeat(100)]);
  if (kind === 5) return Array.from({ length: random.below(4) }, () => randomJson(random, depth + 1));
  return Object.fromEntries(
    Array.from({ length: random.below(5) }, () => [random.pick(keys), randomJson(random, depth + 1)]),
  );
}

function randomBody(random: Random): Uint8Array {
  const kind = random.below(6);
  if (kind === 0) return Uint8Array.from({ length: random.below(60) }, () => random.below(256));
  if (kind === 1) return Buffer.from(random.many(30, () => random.pick(jsonParts)));
  const text = JSON.stringify(randomJson(random, 0));
  if (kind > 2) return Buffer.from(text);
  const at = random.below(text.length);
  return Buffer.from(text.slice(0, at) + random.pick(jsonParts) + text.slice(at + random.below(3)));
}

describe(`of ${TOTAL} hostile inputs from seed ${SEED}`, () => {
  const { rest } = createLibrary({ openAfterMs: 1000 });

  /** Asks, and holds the answer to what every answer must be. */
  async function holds(ask: Parameters<typeof askLocally>[1]): Promise<void> {
    const answer = await askLocally(rest, ask);
    const shown = JSON.stringify({ ...ask, body: ask.body && Buffer.from(ask.body).toString("latin1") });
    if (answer.status >= 500 && answer.status !== 599) expect.fail(`${answer.status} for ${shown}`);
    if (answer.status >= 400 && answer.status !== 599 && ask.method !== "HEAD") {
      const { code, message } = JSON.parse(answer.body) as { code: number; message: string };
      if (typeof code !== "number" || message === "") expect.fail(`no clear error for ${shown}`);
    }
  }

  it("every template is read or refused with a TemplateError", () => {
    const random = createRandom(SEED);
    for (let i = 0; i < TOTAL / 4; i++) {
      const text = `${random.pick(["/", "", "/v1/"])}${random.many(10, () => random.pick(templateParts))}`;
      try {
        parseTemplate(text);
      } catch (error) {
        if (!(error instanceof TemplateError)) throw new Error(`${JSON.stringify(text)}: ${error}`);
      }
    }
  });

  it("no path gets a 500", async () => {
    const random = createRandom(SEED + 1);
    for (let i = 0; i < TOTAL / 4; i++) {
      const method = random.pick(["GET", "GET", "HEAD", "POST", "PURGE", "OPTIONS", "DELETE"]);
      await holds({ method, url: randomPath(random) });
    }
  });

  it("no query and no header gets a 500", async () => {
    const random = createRandom(SEED + 2);
    const text = () =>
      random.many(6, () =>
        random.pick([
          "*",
          "/",
          ";",
          "q=",
          "0.5",
          ",",
          '"',
          "W/",
          "gzip",
          "br",
          "application/json",
          "text/*",
          " ",
          "a",
          "\xff",
        ]),
      );
    const header = [
      "accept",
      "accept-encoding",
      "if-none-match",
      "if-match",
      "last-event-id",
      "idempotency-key",
      "x-request-id",
    ];
    for (let i = 0; i < TOTAL / 4; i++) {
      const url = `${random.pick(["/t1/params", "/t1/books", "/t1/books/1", "/t1/watch/a"])}?${randomQuery(random)}`;
      await holds({ method: "GET", url, headers: random.below(2) === 0 ? {} : { [random.pick(header)]: text() } });
    }
  });

  it("no body gets a 500", async () => {
    const random = createRandom(SEED + 3);
    const targets = [
      "PUT /t1/values/whole",
      "PUT /t1/values/struct",
      "PUT /t1/values/texts",
      "PUT /t1/values/nulls",
      "PUT /t1/values/value",
      "PUT /t1/values/map",
      "PUT /t1/values/wrapper",
      "POST /t1/books",
      "PATCH /t1/books/1",
      "POST /t1/talks/1",
      "POST /t1/shelves/a:import",
      "POST /t1/chat",
    ];
    const encodings = ["gzip", "br", "deflate", "zstd", ""];
    for (let i = 0; i < TOTAL / 4; i++) {
      const [method = "", url = ""] = random.pick(targets).split(" ");
      const headers = random.below(10) === 0 ? { "content-encoding": random.pick(encodings) } : {};
      await holds({ method, url, headers, body: randomBody(random) });
    }
  });
});

// SEARCH-COST: any text is stored and searched at a cost that grows with its length alone.
import { readFileSync } from "node:fs";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { newId } from "../../src/domain/ids/id.ts";
import { wordsOf } from "../../src/domain/search/words.ts";
import { COMBINING } from "../../src/store/migrations/messages/search-combining.ts";
import { conversationLine, imported, messageLine } from "../support/calls/transfer.ts";
import { leastHeldBy } from "../support/measure/loop-held.ts";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

// Texts of 256 KiB, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000 });

let server: StoreServer;
let alice: Clients;
let session: pg.Client;
beforeAll(async () => {
  server = await startStoreServer();
  alice = (await server.tenant("alice")).member("alice", "admin");
  session = new pg.Client({ connectionString: server.own.url });
  await session.connect();
});
afterAll(async () => {
  await session.end();
  await server.close();
});

const LONGEST = 262_144;
/** Of what ordinary text takes. */
const MOST_TIMES = 4;

/** As long as a message may be. */
function long(text: string, before = ""): string {
  const bytes = Buffer.from(before + text.repeat(1 + LONGEST / Buffer.byteLength(text)));
  return bytes
    .subarray(0, LONGEST)
    .toString()
    .replace(/\ufffd+$/u, "");
}

/** Different words, as many as a message holds. */
function different(word: (number: number) => string): string {
  const words: string[] = [];
  for (let bytes = 0, number = 0; ; number++) {
    const next = word(number);
    bytes += Buffer.byteLength(next);
    if (bytes > LONGEST) return words.join("");
    words.push(next);
  }
}

const digits = (number: number, length: number) => number.toString(36).padStart(length, "0");

/** Marks of two combining classes, in the order that is not theirs. */
const MARKS: readonly (readonly [script: string, marks: string])[] = [
  ["Latin", "\u0301\u0316"],
  ["Latin, both ways", "\u0316\u0301\u0327"],
  ["Hebrew", "\u05b9\u05b0"],
  ["Arabic", "\u0651\u064b\u0655"],
  ["Syriac", "\u0730\u0731"],
  ["Devanagari", "\u094d\u093c"],
  ["Thai", "\u0e48\u0e38"],
  ["Lao", "\u0ec8\u0eb8"],
  ["Tibetan", "\u0f74\u0f72\u0f71"],
  ["two in one", "\u0344\u0316"],
  ["Japanese", "\u302a\u3099"],
  ["halfwidth, which become marks", "\u0301\uff9e"],
  ["musical", "\u{1d16d}\u{1d165}"],
  ["beyond the first plane", "\u{1e8d0}\u0301"],
  ["joined", "\u0301\u034f\u0316"],
];

/** As many marks as are put into order, and one more: half of the scripts by turns, or both for all with `TEST_KINDS=all`. */
const COUNTS = [30, 31];
const REPEATED: typeof TEXTS = COUNTS.flatMap((count, turn) =>
  MARKS.filter((_, place) => process.env.TEST_KINDS === "all" || place % (2 * COUNTS.length) === turn).map(
    ([script, marks]): [string, string, string] => [
      `${count} marks at a time: ${script}`,
      long(`${Array.from(marks.repeat(count)).slice(0, count).join("")}é `),
      "",
    ],
  ),
);

const TEXTS: readonly (readonly [kind: string, text: string, query: string])[] = [
  ...MARKS.map(([script, marks]): [string, string, string] => [
    `marks: ${script}`,
    `${long(marks, "needle a")
      .slice(0, 80_000)
      .replace(/[\ud800-\udbff]$/u, "")} after`,
    "after",
  ]),
  ["one unfolds to eighteen", long("ﷺ"), "عليه"],
  ["one unfolds to eighteen, apart", long("ﷺ "), "عليه"],
  ["one unfolds to words, all different", different((n) => `ﷺ${digits(n, 3)}`), "وسلم000صلى"],
  [
    "ligatures, all different",
    different((n) => `ﷺ${digits(n % 1_296, 2)}${"ﷲﷳﷴﷵﷶﷷﷸﷹ"[Math.floor(n / 1_296) % 8]}`),
    "عليه",
  ],
  ["one unfolds to four words", long("㍿", "株式 "), "株式"],
  ["letters with three marks", long("ᾂ "), "α"],
  [
    "words of 2,047 bytes and more",
    long(`${"x".repeat(2_046)} ${"y".repeat(2_048)} ${"é".repeat(1_024)} `),
    `${"x".repeat(400)}*`,
  ],
  ["words of 2 KB that unfold", long(`${"ﷲ".repeat(683)} a `), "a"],
  ["different words, ASCII", different((n) => `${digits(n, 3)} `), "00a"],
  ["different words, beside others", different((n) => `${digits(n, 3)} `).replace("000", "é"), "00a"],
  [
    "different words of rare letters",
    different((n) => `${String.fromCodePoint(0x20000 + (n % 40_000))} `),
    "\u{20007}",
  ],
  [
    "different syllables",
    different((n) => `${String.fromCodePoint(0x1401 + (n % 600), 0x1401 + (Math.floor(n / 600) % 600))} `),
    "\u1405\u1401",
  ],
  ["Chinese", long("中"), "中中"],
  ["Chinese, all different", different((n) => String.fromCodePoint(0x4e00 + ((n * 7_919) % 20_000))), "一"],
  ["Thai", long("กำ"), "กำ"],
  ["Hangul", long("한글"), "한글"],
  ["Hangul, in jamo", long("\u1112\u1161\u11ab"), "한"],
  ["Hangul, first jamo alone", long("\u1112"), ""],
  ["separators", long("…"), ""],
  ["a joint after each", long("é-"), "é"],
  ["soft hyphens", long("x\u00ad"), "x"],
  ["underscores", long("_"), ""],
  ["underscores beside a word", long("_", "é"), "e"],
  ["at signs", long("@"), ""],
  ["at signs beside a word", long("@", "é"), "e"],
  ["at signs between", long("a@"), "a"],
  ["percent signs", long("a%"), "a"],
  ["tags", long("<!-- <a "), "a"],
  ["entities", long("&a;"), "a"],
  ["numbers with exponents", long("1e1"), ""],
  ["quotes", long("'"), ""],
  ["backslashes", long("\\"), ""],
  ["emoji, joined", long("👨‍👩‍👧", "needle "), "needle"],
  ["flags", long("🇩🇪", "needle "), "needle"],
  ["control characters", long("\u0001\u0002\u001f", "needle "), "needle"],
  ["control characters beside a word", long("\u0001\u0002\u007f", "é "), "é"],
  ["spaces", long(" ", "é"), "é"],
  ["final sigmas", long("ς"), ""],
  ["final sigmas, apart", long("ς "), "Σ"],
  ["letters of mathematics", long("𝔸"), ""],
];

const contents = async (conversationId: string) => {
  const { messages } = await alice.messages.listMessages({ conversationId });
  return messages.map(({ content }) => content);
};

/** The CPU time that PostgreSQL takes for the words of a text, in milliseconds. */
async function indexed(text: string): Promise<number> {
  const { rows } = await session.query(
    `select pg_backend_pid() as pid, pg_get_expr(d.adbin, d.adrelid) as words from pg_attrdef d
     join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
     where d.adrelid = 'message'::regclass and a.attname = 'search'`,
  );
  const asked = `select length(${rows[0].words})
    from (select $1::text as content, gen_random_uuid() as tenant_id, gen_random_uuid() as conversation_id) m`;
  const before = spentBy(rows[0].pid);
  await session.query(asked, [text]);
  return spentBy(rows[0].pid) - before;
}

const ORDINARY = long("中文字。");
/** Of ordinary text of that length. */
let ordinary: number | undefined;

/** How many times as much as ordinary text one takes: the least of three, of which the later ones measure both. */
async function timesOrdinary(text: string): Promise<number> {
  ordinary ??= Math.min(await indexed(ORDINARY), await indexed(ORDINARY));
  let least = (await indexed(text)) / ordinary;
  for (let round = 0; round < 2 && least >= MOST_TIMES; round++) {
    ordinary = await indexed(ORDINARY);
    least = Math.min(least, (await indexed(text)) / ordinary);
  }
  return least;
}

/** The CPU time that a process has had, in milliseconds. */
function spentBy(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;
}

/** The CPU time that the sessions of the server under test have had in PostgreSQL, in milliseconds. */
async function spentByServer(): Promise<number> {
  const { rows } = await session.query(
    "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'",
  );
  return rows.reduce((sum, { pid }) => sum + spentBy(pid), 0);
}

describe("SEARCH-COST: a text of 256 KiB", () => {
  test.each([...REPEATED, ...TEXTS])("takes PostgreSQL no longer than ordinary text: %s", async (_, text) => {
    expect(await timesOrdinary(text)).toBeLessThan(MOST_TIMES);
  });

  test.each(TEXTS)("is sent, found, and read as it was: %s", async (_, content, query) => {
    const { conversation } = await alice.conversations.createConversation({ conversation: {} });
    const conversationId = conversation?.id ?? "";
    await alice.messages.sendMessage({ conversationId, message: { content } });
    expect((await contents(conversationId)).at(0) === content).toBe(true);
    if (query === "") return;
    const { matches } = await alice.messages.searchMessages({ conversationId, query });
    expect(matches).toHaveLength(1);
    expect(matches[0]?.highlights.length).toBeGreaterThan(0);
  });
});

test("SEARCH-COST: each other way to write a message takes any text", async () => {
  const { conversation } = await alice.conversations.createConversation({ conversation: {} });
  const conversationId = conversation?.id ?? "";
  const { message } = await alice.messages.sendMessage({ conversationId, message: { content: "x" } });
  for (const [kind, content] of TEXTS.filter((_, place) => place % 3 === 0)) {
    await alice.messages.updateMessage({ messageId: message?.id ?? "", message: { content } });
    expect((await contents(conversationId)).at(-1) === content, `updated: ${kind}`).toBe(true);
    const other = newId();
    await imported(alice, [conversationLine(other), messageLine(other, newId(), { content })], { pieceBytes: 60_000 });
    expect((await contents(other)).at(0) === content, `imported: ${kind}`).toBe(true);
    await alice.messages.replaceMessages({
      conversationId: other,
      messages: [
        { role: 1, content: "before" },
        { role: 2, content },
      ],
    });
    expect((await contents(other)).at(-1) === content, `replaced: ${kind}`).toBe(true);
  }
});

test("SEARCH-COST: PostgreSQL and Node leave the same characters out", async () => {
  const combining = /[\p{M}\uff9e\uff9f]/u;
  const listed = new RegExp(`[${COMBINING.replaceAll(/\\U0*([0-9a-f]+)/g, "\\u{$1}")}]`, "u");
  const differ: string[] = [];
  for (let code = 0; code < 0x110000; code++) {
    const character = String.fromCodePoint(code);
    // What changes places with a mark of the lowest class.
    const moves = `${character.normalize("NFKD")}\u0334`.normalize("NFD").startsWith("\u0334");
    if (listed.test(character) !== combining.test(character) && !/\p{Cs}/u.test(character))
      differ.push(code.toString(16));
    if (moves && !listed.test(character)) differ.push(code.toString(16));
  }
  expect(differ).toEqual([]);
});

test.each(MARKS)("SEARCH-COST: Node takes as little for the words of marks: %s", async (_, marks) => {
  const text = `a${long(marks)}`;
  const { ms } = await leastHeldBy(200, () => wordsOf(text));
  expect(ms).toBeLessThan(200);
});

test.each<readonly string[]>([
  ...MARKS.map(([script, marks]) => [script, `a${marks.repeat(200)}`.slice(0, 500)]),
  ["one unfolds to eighteen", "ﷺ".repeat(500)],
  ["the same, in quotes", `"${"ﷺ".repeat(498)}"`],
  ["different words", Array.from({ length: 160 }, (_, n) => digits(n, 2)).join(" ")],
  ["Chinese", Array.from({ length: 500 }, (_, n) => String.fromCodePoint(0x4e00 + n)).join("")],
])("SEARCH-COST: the longest query is answered: %s", async (_, query = "") => {
  await expect(alice.messages.searchMessages({ query: query.slice(0, 500) })).resolves.toBeDefined();
});

test("SEARCH-COST: many words that each occur many times are ranked fast, more of them first", async () => {
  const words = Array.from({ length: 120 }, (_, n) => digits(n, 2));
  const { conversation } = await alice.conversations.createConversation({ conversation: {} });
  const conversationId = conversation?.id ?? "";
  const content = Array.from({ length: 16_383 }, (_, n) => words[(n * 7) % words.length]).join(" ");
  await alice.messages.sendMessage({ conversationId, message: { content: words.join(" ") } });
  for (let count = 0; count < 30; count++) await alice.messages.sendMessage({ conversationId, message: { content } });
  const query = words.join(" ");
  const before = await spentByServer();
  const { matches } = await alice.messages.searchMessages({ conversationId, query, pageSize: 200 });
  // Compared each with each, they would take PostgreSQL half a minute.
  expect((await spentByServer()) - before).toBeLessThan(10_000);
  expect(matches).toHaveLength(31);
  expect(matches.at(-1)?.message?.content).toBe(words.join(" "));
});

// Searching as people type: each word of a text is found however it is written there, and shown whole.
import { afterAll, beforeAll, expect, test } from "vitest";
import { MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { parseSearch, toTsQuery } from "../../src/domain/search/query.ts";
import { migrate } from "../../src/store/migrate.ts";
import { createRandom } from "../fault/stage/random.ts";
import { administer, urlOf } from "../support/postgres/postgres.ts";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

let server: StoreServer;
let alice: Clients;
beforeAll(async () => {
  server = await startStoreServer();
  alice = (await server.tenant("alice")).member("alice");
});
afterAll(() => server.close());

async function start(...contents: string[]): Promise<string> {
  const { conversation } = await alice.conversations.createConversation({ conversation: {} });
  const conversationId = conversation?.id ?? "";
  const messages = contents.map((content) => ({ role: MessageRole.USER, content }));
  await alice.messages.batchSendMessages({ conversationId, messages });
  return conversationId;
}

/** What is highlighted in each match, best first. */
async function highlightsOf(conversationId: string, query: string): Promise<string[][]> {
  const { matches } = await alice.messages.searchMessages({ conversationId, query });
  return matches.map(({ snippet, highlights }) => {
    const characters = [...snippet];
    return highlights.map(({ start: from, length }) => characters.slice(from, from + length).join(""));
  });
}

const AS_TYPED: readonly (readonly [text: string, query: string, highlighted: string])[] = [
  ["Your order A-4711 is on its way", "4711", "4711"],
  ["Your order A-4711 is on its way", "a-4711", "A-4711"],
  ["Your order A-4711 is on its way", "A4711 or 4711", "4711"],
  ["order#4711, paid", "4711", "4711"],
  ["call +49-30-4711.22", "4711", "4711"],
  ["-4711 degrees", "4711", "4711"],
  ["see https://shop.example.com/cart/red-shoes?size=42#top", "shoes", "shoes"],
  ["see https://shop.example.com/cart/red-shoes?size=42#top", "shop", "shop"],
  ["see https://shop.example.com/cart/red-shoes?size=42#top", "shop.example.com", "shop.example.com"],
  ["see https://shop.example.com/cart/red-shoes?size=42#top", "42", "42"],
  ["write to ann.lee+news@mail.example.org", "lee", "lee"],
  ["write to ann.lee+news@mail.example.org", "ann.lee+news@mail.example.org", "ann.lee+news@mail.example.org"],
  ["All done.Next please", "next", "Next"],
  ["All done.Next please", "done", "done"],
  ["done:next", "next", "next"],
  ["snake_case_name", "case", "case"],
  ["snake_case_name", "snake_case_name", "snake_case_name"],
  ["/usr/local/share/report.pdf", "share", "share"],
  ["/usr/local/share/report.pdf", "report", "report"],
  ["C:\\Users\\ann\\report.docx", "ann", "ann"],
  ["version 1.18.3-rc2", "18", "18"],
  ["version 1.18.3-rc2", "1.18.3", "1.18.3"],
  ["<b>bold</b> &amp; <i>thin</i>", "thin", "thin"],
  ["the well-known state-of-the-art", "known", "known"],
  ["don't stop", "don't", "don't"],
  ["don’t stop", "don't", "don’t"],
  ["one…two—three‘four’", "two", "two"],
  ["party🎉time", "party", "party"],
  ["„Hallo“, sagte sie", "hallo", "Hallo"],
  ["Caf\u00e9 cr\u00e8me", "cafe\u0301", "Caf\u00e9"],
  ["Cafe\u0301 creme", "caf\u00e9", "Cafe\u0301"],
  ["Café au lait", "cafe", "Café"],
  ["cafe au lait", "CAFÉ", "cafe"],
  ["ＡＢＣ１２３ full", "abc123", "ＡＢＣ１２３"],
  ["abc123 half", "ＡＢＣ１２３", "abc123"],
  ["ﬁnal oﬃce", "office", "oﬃce"],
  ["ÜBER die Brücke", "über", "ÜBER"],
  ["ΑΘΗΝΑ και Αθήνα", "αθηνα", "ΑΘΗΝΑ"],
  ["ΟΔΟΣ", "οδός", "ΟΔΟΣ"],
  ["ПРИВЕТ мир", "привет", "ПРИВЕТ"],
  ["İstanbul'da", "istanbul", "İstanbul"],
  ["שָׁלוֹם עולם", "שלום", "שָׁלוֹם"],
  ["مُحَمَّد هنا", "محمد", "مُحَمَّد"],
  ["ｶﾞﾗｽ", "ガラス", "ｶﾞﾗｽ"],
  ["東京タワー", "タワー", "タワー"],
  ["\u1112\u1161\u11ab\u1100\u1173\u11af", "한글", "\u1112\u1161\u11ab\u1100\u1173\u11af"],
  ["carpet and carriage", "carp*", "carpet"],
  ["order A-4711-B", "a-47*", "A-4711"],
  ["this or that", "or", "or"],
];

test("F-SEARCH: what people type is found and shown whole, as the text has it", async () => {
  for (const [text, query, highlighted] of AS_TYPED) {
    const conversationId = await start(text, "nothing of the kind");
    const found = await highlightsOf(conversationId, query);
    expect(found, `${query} in ${text}`).toHaveLength(1);
    expect(found[0]?.[0], `${query} in ${text}`).toBe(highlighted);
  }
});

test("F-SEARCH: a compound is not found where its parts stand apart, a phrase is not a set of words", async () => {
  const conversationId = await start("A is not 4711", "A-4711", "4711 A");
  expect(await highlightsOf(conversationId, "A-4711")).toEqual([["A-4711"]]);
  expect(await highlightsOf(conversationId, "-4711 not")).toEqual([]);
  expect(await highlightsOf(conversationId, "car*")).toEqual([]);
  expect(await highlightsOf(conversationId, "a 4711 -not")).toHaveLength(2);
});

test("F-SEARCH: what means something to PostgreSQL's queries is only text", async () => {
  const conversationId = await start("a & b | !c <-> 'd':* \\e");
  for (const query of [
    "'",
    "''",
    "a'",
    "b|",
    "!c",
    "<->",
    "d':*",
    "\\",
    "\\e",
    ":*",
    "(",
    "a & !",
    '"',
    '""',
    "*",
    "-",
    "- -",
  ]) {
    await expect(highlightsOf(conversationId, query), query).resolves.toBeDefined();
  }
  expect(await highlightsOf(conversationId, "\\e")).toEqual([["e"]]);
});

test("F-SEARCH: all of it is found in a database of the locale C too", async () => {
  const name = `test_${newId().replaceAll("-", "")}`;
  const beside = urlOf(server.own.url, "postgres");
  await administer(
    beside,
    `create database ${name} template template0 encoding 'UTF8' locale_provider libc locale 'C'`,
  );
  const url = urlOf(server.own.url, name);
  const database = await server.own.open({ url });
  await migrate(database);
  const [column] = await administer(
    url,
    `select pg_get_expr(d.adbin, d.adrelid) as words from pg_attrdef d
     join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
     where d.adrelid = 'message'::regclass and a.attname = 'search'`,
  );
  for (const [text, query] of AS_TYPED) {
    const asked = `select (${column?.words}) @@ to_tsquery('simple', $2) as found
      from (select $1::text as content, gen_random_uuid() as tenant_id, gen_random_uuid() as conversation_id) m`;
    const found = await administer(url, asked, [text, toTsQuery(parseSearch(query))]);
    expect(found, `${query} in ${text}`).toEqual([{ found: true }]);
  }
  await database.close();
});

test("F-SEARCH: more of a word ranks higher, and pages are stable", async () => {
  const conversationId = await start("order-4711", "4711/4711.4711", "4711, 4711");
  const pages: string[] = [];
  for (let pageToken = "", round = 0; round === 0 || pageToken !== ""; round++) {
    const page = await alice.messages.searchMessages({ conversationId, query: "4711", pageSize: 1, pageToken });
    pages.push(...page.matches.map(({ message }) => message?.content ?? ""));
    pageToken = page.nextPageToken;
  }
  expect(pages).toEqual(["4711/4711.4711", "4711, 4711", "order-4711"]);
});

test("F-SEARCH: any word that a plain tokenizer gives is found and highlighted, in random texts", async () => {
  const random = createRandom(4_711);
  const characters = [..."aZ09éßЖωשع東がกहﬁＷ①²"];
  const separators = [
    " ",
    "-",
    ".",
    "/",
    "_",
    "@",
    ":",
    "…",
    "—",
    "“",
    "🎉",
    "&",
    "=",
    "?",
    "<",
    ">",
    ", ",
    "'",
    "\u00a0",
    "+",
    "%",
  ];
  for (let round = 0; round < 40; round++) {
    const words = Array.from({ length: 6 }, () =>
      Array.from({ length: 1 + random.below(4) }, () => random.pick(characters)).join(""),
    );
    const text = words.map((word) => word + random.pick(separators)).join("");
    const conversationId = await start(text);
    for (const word of text.match(/[\p{L}\p{N}\p{M}]+/gu) ?? []) {
      const [found] = await highlightsOf(conversationId, word);
      expect(found, `${word} in ${text}`).toBeDefined();
      expect(found?.join(" "), `${word} in ${text}`).toContain(word);
    }
  }
});

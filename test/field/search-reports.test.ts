// What people reported of searches in other products, each as its text and the query that failed there.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

// Texts of 256 KiB, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000 });

let server: StoreServer;
let alice: Clients;
beforeAll(async () => {
  server = await startStoreServer();
  alice = (await server.tenant("alice")).member("alice");
});
afterAll(() => server.close());

async function start(content: string): Promise<string> {
  const { conversation } = await alice.conversations.createConversation({ conversation: {} });
  const conversationId = conversation?.id ?? "";
  await alice.messages.sendMessage({ conversationId, message: { content } });
  return conversationId;
}

/** What is highlighted in the one message that is found. */
async function found(conversationId: string, query: string): Promise<string[]> {
  const { matches } = await alice.messages.searchMessages({ conversationId, query });
  return matches.flatMap(({ snippet, highlights }) => {
    const characters = [...snippet];
    return highlights.map(({ start: from, length }) => characters.slice(from, from + length).join(""));
  });
}

const REPORTS: readonly (readonly [report: string, text: string, query: string, highlighted: readonly string[]])[] = [
  ["mattermost/mattermost#37360", "a t-shirt and a shirt", "t-shirt", ["t-shirt"]],
  ["Casecommons/pg_search#224", "to user@example.com today", "user@ex*", ["user@example"]],
  ["Casecommons/pg_search#349", "the poseidon-1234 is back", "poseidon-1234", ["poseidon-1234"]],
  ["etianen/django-watson#223", "germany-dev-east, england-dev-east", "dev-east", ["dev-east", "dev-east"]],
  [
    "workfloworchestrator/orchestrator-core#423",
    "word_with_underscores value",
    "word_with_underscores value",
    ["word_with_underscores", "value"],
  ],
  ["matrix-org/synapse#1426", "see foo.png", "foo", ["foo"]],
  ["zulip/zulip#22672", "sess.crate_types() vs sess.opts.crate_types", "sess opts", ["sess", "sess", "opts"]],
  ["mattermost/mattermost#22345", "我家在上海东边。", "上海", ["上海"]],
  ["cyrusimap/cyrus-imapd#2217", "来園時に便利な情報", "利な情", ["利な情"]],
  ["signalapp/Signal-Desktop#6460", "https://www.cnn.com/2024/07/10/tech/index.html", "cnn", ["cnn"]],
  ["signalapp/Signal-iOS#4461", "https://example.com example", "example.com", ["example.com"]],
  ["djcb/mu#1150", "d'études, aujourd’hui", "etudes", ["études"]],
  ["djcb/mu#1150", "d'études, aujourd’hui", "d'etudes", ["d'études"]],
  ["djcb/mu#1150", "d'études, aujourd’hui", "aujourd'hui", ["aujourd’hui"]],
  ["tildaslash/RatticWeb#183", "by O’Reilly", "o'reilly", ["O’Reilly"]],
  ["Pagefind/pagefind#890", "Für uns steht der Mensch im Mittelpunkt", "mensch", ["Mensch"]],
  ["languagetool-org/languagetool#842", "😀👨‍👩‍👧 ü 😀 get it", "get", ["get"]],
  ["scambier/obsidian-omnisearch#498", "كُتَّاَبْ بيوت نبات ثمار", "نبات", ["نبات"]],
  ["scambier/obsidian-omnisearch#498", "كُتَّاَبْ بيوت نبات ثمار", "كتاب", ["كُتَّاَبْ"]],
  ["linagora/twake-on-matrix#3274", "avec Élie", "elie", ["Élie"]],
  [
    "ietf-tools/mailarchive#3990",
    "at https://github.com/rfc-format now",
    "https://github.com/rfc-format",
    ["https://github.com/rfc-format"],
  ],
  ["chatwoot/chatwoot#3159", "call +91 000 4711-22", "+91", ["91"]],
  ["chatwoot/chatwoot#3159", "call +910000000000", "+910000000000", ["910000000000"]],
  ["chatwoot/chatwoot#3159", "call +910000000000", "910000000000", ["910000000000"]],
  ["RocketChat/Rocket.Chat#21028", "what other thing", "what other", ["what", "other"]],
  ["RocketChat/Rocket.Chat#21028", "hello there", "hell*", ["hello"]],
  ["caub/pg-tsquery#12", "the abs function", "'abs", ["abs"]],
  ["caub/pg-tsquery#12", "abs's and s", "abs&'s", ["abs's"]],
  ["zalando-stups/kio#48", "of team:octopus", "team:octopus", ["team:octopus"]],
];

test("F-SEARCH: what was not found, or wrongly highlighted, elsewhere", async () => {
  for (const [report, text, query, highlighted] of REPORTS) {
    expect(await found(await start(text), query), `${report}: ${query}`).toEqual(highlighted);
  }
});

const LONGEST = 262_144;

/** Different words, up to the longest text that a message may have. */
function textOf(alphabet: readonly string[], letters: number): string {
  const words: string[] = [];
  for (let bytes = 0, number = 0; ; number++) {
    const word = Array.from({ length: letters }, (_, place) => {
      return alphabet[Math.floor(number / alphabet.length ** place) % alphabet.length];
    }).join("");
    bytes += Buffer.byteLength(word) + 1;
    if (bytes > LONGEST) return words.join(" ");
    words.push(word);
  }
}

// etianen/django-watson#312, discourse/discourse#15716, miniflux/v2#3556: "string is too long for tsvector".
test.each([
  ["short words", textOf([..."abcdefghijklmnopqrstuvwxyz"], 4), "aaab"],
  ["letters that unfold to many", textOf([..."ﷲﷳﷴﷵﷶﷷﷸﷹ"], 5), "ﷳﷲﷲﷲﷲ"],
  ["letters that unfold to words", textOf([..."ﷺﷻ㎯㋿㍿"], 7), "عليه"],
  [
    "a language without spaces",
    Array.from({ length: 87_000 }, (_, i) => String.fromCodePoint(0x4e00 + ((i * 7919) % 20_000))).join(""),
    "一",
  ],
  ["one word", "ab".repeat(131_072), ""],
  ["a long word between others", `before ${"x".repeat(200_000)} after`, "after"],
])("F-SEARCH: the longest text is kept and found: %s", async (_, content, query) => {
  const conversationId = await start(content);
  if (query !== "") expect(await found(conversationId, query)).not.toEqual([]);
});

// SciPhi-AI/R2R#2293 and timescale/pg_textsearch#43: queries that PostgreSQL takes for too long or too deep.
test.each([
  ["many words", "a ".repeat(250)],
  ["a long phrase", `"${"a ".repeat(249)}"`],
  ["many absences", "-a ".repeat(166)],
  ["many alternatives", "a or ".repeat(100)],
  ["one long word", "a".repeat(500)],
  ["a word of letters that unfold to many", "ﷲ".repeat(500)],
  ["a word of letters that unfold to words", "ﷺ".repeat(500)],
  ["a word of letters of four bytes", "𐐀".repeat(500)],
  ["a long compound that may go on", `${"a-".repeat(249)}a*`],
  ["marks alone", "\u0301".repeat(500)],
])("F-SEARCH: the longest queries are answered: %s", async (_, query) => {
  const conversationId = await start("a b c");
  await expect(found(conversationId, query)).resolves.toBeDefined();
});

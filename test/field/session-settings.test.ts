// Calls under every setting that an owner of the database may give to its sessions: none may change an answer.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type OwnApp, startOwnApp } from "../fault/stage/app.ts";
import { type Tenant, tablesAt } from "../fault/stage/database.ts";
import { administer, createTestDatabase, type TestDatabase, urlOf } from "../support/postgres/postgres.ts";

vi.setConfig({ testTimeout: 120_000 });

let own: TestDatabase;
let tenant: Tenant;
let conversation: string;
let untouched: Answers;

beforeAll(async () => {
  own = await createTestDatabase();
  tenant = await tablesAt(own.url).tenant();
  await administer(own.url, "create schema elsewhere");
  await administer(own.url, "create table elsewhere.message (id int, tenant_id uuid, content text)");
  await using app = await startOwnApp({ url: own.url });
  const call = callerOf(app.url);
  const made = await call("POST", "/v1/conversations", {
    conversation: { title: "O'Brien \\ né", metadata: { a: null } },
  });
  conversation = JSON.parse(made).id;
  const messages = Array.from({ length: 7 }, (_, i) => ({
    role: i % 2 === 0 ? "MESSAGE_ROLE_USER" : "MESSAGE_ROLE_ASSISTANT",
    // Of different lengths, so of different ranks, which have many digits.
    content: `otter ${"and more words ".repeat(i)}otter`,
    ...(i % 3 === 0 && { metadata: { "back\\slash": "quote'" } }),
    clientTime: `2026-03-0${i + 1}T11:12:13.14${i}Z`,
  }));
  await call("POST", `/v1/conversations/${conversation}/messages:batchSend`, { messages });
  untouched = await answersOf(app);
  expect(untouched.reads["search, one a page"]).toHaveLength(7);
});
afterAll(() => own.drop());

const HOSTILE: readonly (readonly [name: string, value: string])[] = [
  ["extra_float_digits", "0"],
  ["extra_float_digits", "-15"],
  ["DateStyle", "German"],
  ["DateStyle", "SQL, DMY"],
  ["DateStyle", "Postgres, MDY"],
  ["IntervalStyle", "sql_standard"],
  ["IntervalStyle", "iso_8601"],
  ["TimeZone", "Asia/Kathmandu"],
  ["TimeZone", "America/St_Johns"],
  ["timezone_abbreviations", "Australia"],
  ["bytea_output", "escape"],
  ["search_path", "elsewhere"],
  ["search_path", ""],
  ["search_path", "elsewhere, pg_catalog"],
  ["standard_conforming_strings", "off"],
  ["array_nulls", "off"],
  ["transform_null_equals", "on"],
  ["quote_all_identifiers", "on"],
  ["client_encoding", "LATIN1"],
  ["client_min_messages", "debug5"],
  ["default_transaction_isolation", "serializable"],
  ["default_transaction_isolation", "repeatable read"],
  ["default_transaction_read_only", "on"],
  ["default_transaction_deferrable", "on"],
  ["default_text_search_config", "pg_catalog.german"],
  ["lc_messages", "C"],
  ["lc_numeric", "C"],
  ["lc_time", "C"],
  ["lc_monetary", "C"],
  ["row_security", "off"],
  ["session_replication_role", "replica"],
  ["statement_timeout", "100ms"],
  ["lock_timeout", "1ms"],
  ["idle_in_transaction_session_timeout", "1ms"],
  ["idle_session_timeout", "5s"],
  ["transaction_timeout", "5s"],
  ["exit_on_error", "on"],
  ["gin_fuzzy_search_limit", "1"],
  ["synchronous_commit", "off"],
  ["jit", "on"],
  ["jit_above_cost", "0"],
  ["plan_cache_mode", "force_custom_plan"],
  ["xmloption", "document"],
  ["xmlbinary", "hex"],
  ["check_function_bodies", "off"],
];

type Setting = (typeof HOSTILE)[number];
/** So many servers, each with settings from all over the list, never two values of one; with `TEST_KINDS=all` each has one alone. */
const SERVERS = process.env.TEST_KINDS === "all" ? HOSTILE.length : 12;
const TOGETHER = Array.from({ length: SERVERS }, (_, server) => HOSTILE.filter((_, i) => i % SERVERS === server));
const titled = TOGETHER.map((some) => [some.map((setting) => setting.join(" = ")).join("; "), some] as const);

test.for(titled)("F-SESSION: %s: changes no answer", async ([, some], { skip }) => {
  const settings = await knownOf(some);
  skip(settings.length === 0, "this PostgreSQL has no such setting");
  await withSettings(settings, async () => {
    await using app = await startOwnApp({ url: own.url });
    const answers = await answersOf(app);
    expect(answers.reads).toEqual(untouched.reads);
    expect(answers.writes).toEqual(untouched.writes);
  });
});

test("F-SESSION: with all of them together, each session has the settings that it has without", async () => {
  const settings = async () => {
    const database = await own.open({ poolSize: 1 });
    const text = `select name, replace(setting, '"', '') as setting from pg_catalog.pg_settings where lower(name) = any($1) and name <> 'lc_messages'
      and name not like 'jit_%' and name <> 'check_function_bodies' and name <> 'quote_all_identifiers' order by name`;
    return database.query({ name: "test_settings", text }, [HOSTILE.map(([name]) => name.toLowerCase())]);
  };
  const usual = await settings();
  const known = await knownOf(HOSTILE);
  await withSettings(
    known.filter(([name]) => !SHORT_LIVED.has(name)),
    async () => expect(await settings()).toEqual(usual),
  );
});

test("F-SESSION: a setting in DATABASE_URL's options changes no answer either", async () => {
  const options = encodeURIComponent("-c extra_float_digits=0 -c datestyle=German -c array_nulls=off");
  const separator = own.url.includes("?") ? "&" : "?";
  await using app = await startOwnApp({ url: `${own.url}${separator}options=${options}` });
  expect(await answersOf(app)).toEqual(untouched);
});

test("F-SESSION: a session is set up once, before its first statement", async () => {
  let roundTrips = 0;
  const database = await own.open({ poolSize: 1, observer: { onRoundTrip: () => roundTrips++ } });
  await database.ping();
  await database.ping();
  expect(roundTrips).toBe(2);
});

/** With these a session may end before it is told otherwise, on a busy machine. */
const SHORT_LIVED = new Set(["exit_on_error"]);

/** Those that this PostgreSQL has. */
async function knownOf(settings: readonly Setting[]): Promise<Setting[]> {
  const rows = await administer(own.url, "select lower(name) as name from pg_settings");
  const known = new Set(rows.map(({ name }) => name));
  return settings.filter(([name]) => known.has(name.toLowerCase()));
}

async function withSettings([first, ...rest]: readonly Setting[], work: () => Promise<void>): Promise<void> {
  if (first === undefined) return work();
  await withSetting(...first, () => withSettings(rest, work));
}

/** Settings of the database, or of the role in it, hold for every session that begins then. */
async function withSetting(name: string, value: string, work: () => Promise<void>): Promise<void> {
  // Else "" would be a name in quotes.
  const list = name === "search_path" && value !== "" ? value : `'${value}'`;
  const database = `"${new URL(own.url.replace("@/", "@localhost/")).pathname.slice(1)}"`;
  // From beside it: a session that the settings hold for may not come to it.
  const beside = urlOf(own.url, "postgres");
  // That of a database means that nobody shall write to it (docs/operations.md); a role's is a default like the others.
  const owner = name === "default_transaction_read_only" ? "role current_user in database" : "database";
  await administer(beside, `alter ${owner} ${database} set ${name} = ${list}`);
  try {
    await work();
  } finally {
    await administer(beside, `alter ${owner} ${database} reset ${name}`);
  }
}

interface Answers {
  readonly reads: Record<string, unknown>;
  readonly writes: readonly string[];
}

type Call = (method: string, path: string, body?: unknown) => Promise<string>;

function callerOf(url: string): Call {
  return async (method, path, body) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { ...tenant.headers, ...(body !== undefined && { "content-type": "application/json" }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    expect(response.ok, `${method} ${path}: ${text}`).toBe(true);
    return text;
  };
}

async function answersOf(app: OwnApp): Promise<Answers> {
  const call = callerOf(app.url);
  const reads: Record<string, unknown> = {};
  const inConversation = `/v1/conversations/${conversation}`;
  const paths = [
    inConversation,
    `${inConversation}/messages`,
    `${inConversation}/events`,
    `${inConversation}/analytics`,
    `${inConversation}/participants`,
    `${inConversation}:export`,
    "/v1/whoAmI",
    "/v1/auditEntries?action=none",
  ];
  for (const path of paths) reads[path] = await call("GET", path);
  reads["search, one a page"] = await pagesOf(call, "/v1/messages:search?query=otter&pageSize=1");
  reads["messages, two a page"] = await pagesOf(call, `${inConversation}/messages?pageSize=2`);
  return { reads, writes: await writesOf(app, call) };
}

/** Every page to the end, which must come. */
async function pagesOf(call: Call, path: string): Promise<string[]> {
  const pages: string[] = [];
  for (let token = ""; ; ) {
    const text = await call("GET", `${path}${token && `&pageToken=${token}`}`);
    const { nextPageToken = "", ...page } = JSON.parse(text);
    pages.push(JSON.stringify(page));
    if (nextPageToken === "") return pages;
    expect(pages.length, "pages without an end").toBeLessThan(20);
    token = nextPageToken;
  }
}

/** What writing answers, but for ids and times; everything is purged again. */
async function writesOf(app: OwnApp, call: Call): Promise<string[]> {
  const answers: string[] = [];
  const keep = (text: string) => {
    answers.push(
      text
        .replaceAll(/[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g, "ID")
        .replaceAll(/"\d{4}-\d\d-\d\dT[\d:.]+Z"/g, '"TIME"'),
    );
    return text;
  };
  const { id } = JSON.parse(keep(await call("POST", "/v1/conversations", { conversation: { title: "second" } })));
  const path = `/v1/conversations/${id}`;
  const role = "MESSAGE_ROLE_USER";
  const messages = [
    { role, content: "badger" },
    { role, content: "b\\'adger", metadata: { n: 1.5 } },
    { role, content: "NULL" },
  ];
  keep(await call("POST", `${path}/messages:batchSend`, { messages, requestId: `r-${id}` }));
  keep(await call("POST", `${path}/messages:batchSend`, { messages, requestId: `r-${id}` }));
  keep(await call("PATCH", `${path}?updateMask=title`, { title: "c:\\new" }));
  keep(await call("GET", "/v1/messages:search?query=badger"));
  keep(await call("GET", `${path}/analytics`));
  keep(await call("POST", `${path}/messages:deleteAll`, {}));
  keep(await call("DELETE", path));
  keep(await call("POST", `${path}:purge`, {}));
  const left = { name: "test_left", text: "select count(*)::int as n from public.message where conversation_id = $1" };
  answers.push(JSON.stringify(await app.database.query(left, [id])));
  return answers;
}

// Migration 0075, on turns as older releases have left them.
import { expect, test } from "vitest";
import { migrationScript } from "../../../src/store/migrate.ts";
import { MIGRATION_TABLE } from "../../../src/store/migrations/names.ts";
import { addOldTenant } from "../../support/postgres/old-schema.ts";
import { administer, createTestDatabase } from "../../support/postgres/postgres.ts";

const NAME = "0075-turn-credentials";
const ENDED = 3;
const RUNNING = 2;

const note = (tools: string, more = "") => `{"openai_response":{"model":"m","fields":{${more}"tools":[${tools}]}}}`;
const secret = '{"type":"mcp","authorization" : "SEC\\"RET","headers":{"a}":"SECRET\\\\","b":"{SECRET"},"x":1}';
const at = (url: string) => `{"type":"mcp","server_url":"${url}"}`;
/** In a string, it is no member. Nor may PostgreSQL's JSON read it. */
const words = '"instructions":"\\u0000 \\ud800 \\"authorization\\":\\"mine\\"",';
const schema =
  '{"type":"function","parameters":{"headers":{"type":"object","properties":{"authorization":{"type":"x"}}}}}';

const NOTES: ReadonlyArray<readonly [before: string, after: string]> = [
  [note(secret, words), note('{"type":"mcp","authorization":null,"headers":null,"x":1}', words)],
  [note(`${schema},${at("https://a.example")}`), note(`${schema},${at("https://a.example")}`)],
  [note(at("https://u:SECRET@a.example:1/SECRET?x")), note(at("https://a.example:1"))],
  [note(at("https://u:SECRET@a.example")), note(at("https://a.example"))],
  [note(at("https://a.example?SECRET@x")), note(at("https://a.example"))],
  [note(at("https:\\/\\/a.example\\/SECRET")), note(at("<redacted>"))],
  [note(at("https://SECRET\\u0040a.example")), note(at("<redacted>"))],
  [note(at("SECRET")), note(at("<redacted>"))],
  [
    note('{"type":"shell","environment":{"domain_secrets":[{"value":"]SECRET"}],"y":[1]}}'),
    note('{"type":"shell","environment":{"domain_secrets":[],"y":[1]}}'),
  ],
  ['{"mine":{"type":"mcp","authorization":"x"}}', '{"mine":{"type":"mcp","authorization":"x"}}'],
];

test("turns of older releases lose the credentials of their tools", async () => {
  await using database = await createTestDatabase();
  const { id: tenant, conversationIds } = await addOldTenant(database.url, {
    slug: "old",
    conversations: 1,
    messages: 1,
  });
  const [conversation] = conversationIds;
  const add = (state: number, noted: string | null) =>
    administer(
      database.url,
      `insert into turn (tenant_id, id, conversation_id, agent_id, caller, message_seq, message_id, reply_id, state, server,
        lease_time, create_time, options, note) values ($1, gen_random_uuid(), $2, $2, 'a', 1, $2, $2, $3, $2, now(), now(), 'SECRET', $4)`,
      [tenant, conversation, state, noted],
    );
  for (const [before] of NOTES) await add(ENDED, before);
  await add(RUNNING, null);
  await administer(database.url, `delete from ${MIGRATION_TABLE} where name = $1`, [NAME]);
  await administer(database.url, await migrationScript(await database.open(), "public"));
  const rows = await administer(database.url, "select state, options, note from turn");
  expect(rows).toHaveLength(NOTES.length + 1);
  expect(rows.filter(({ state }) => state === ENDED)).toEqual(
    expect.arrayContaining(NOTES.map(([, after]) => ({ state: ENDED, options: null, note: after }))),
  );
  // Its agent still gets them.
  expect(rows).toContainEqual({ state: RUNNING, options: "SECRET", note: null });
});

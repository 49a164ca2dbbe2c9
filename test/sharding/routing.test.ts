// Where tables are distributed, each hot statement is one command to one node.
import { randomBytes, randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listConversations } from "../../src/store/conversations/list-statement.ts";
import { getConversation } from "../../src/store/conversations/statements.ts";
import type { Statement } from "../../src/store/database.ts";
import { addTenant } from "../../src/store/directory/tenants.ts";
import { DEFAULT_TIMEOUTS } from "../../src/store/driver/pool.ts";
import { isSharded, sessionSetup, setUpSession } from "../../src/store/driver/session.ts";
import { send } from "../../src/store/log/send-statement.ts";
import { readLog, readVisible } from "../../src/store/log/statements.ts";
import { sendMany, sendManyNamed } from "../../src/store/messages/send-many-statement.ts";
import { addReaction, removeReaction } from "../../src/store/reactions/statements.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";

const tenant = randomUUID();
const id = randomUUID();
const said = randomUUID();

const page = listConversations({
  viewer: "member",
  order: "newest",
  deleted: "exclude",
  filters: {},
  skip: 0,
  limit: 20,
  count: false,
});
const message = () => [[randomUUID()], [1], ["hello"], [null], [null]] as const;
const many = () => [
  ...[tenant, id, ["ada"], ["ada"], ["ada"], ["Send"], [randomUUID()], [Buffer.from("f")], [1], [false], [1]],
  ...message(),
  [null],
  [null],
];

const HOT: readonly (readonly [string, Statement<object>, () => readonly unknown[]])[] = [
  [
    "a send",
    send.member,
    () => [
      tenant,
      "ada",
      id,
      "ada",
      ...message(),
      "ada",
      "Send",
      randomUUID(),
      Buffer.from("f"),
      false,
      [null],
      [null],
    ],
  ],
  ["several sends", sendMany.member, many],
  ["several sends with client ids", sendManyNamed.member, () => [...many(), [randomUUID()]]],
  ["a reaction", addReaction.member, () => [tenant, "ada", said, "ada", "👍"]],
  ["the end of a reaction", removeReaction.member, () => [tenant, "ada", said, "ada", "👍"]],
  ["a conversation", getConversation.member, () => [tenant, "ada", id, false]],
  ["a list of conversations", page.statement, () => [tenant, "ada", ...page.values]],
  ["a read of a log", readLog.member, () => [tenant, "ada", id, 0, 50, false]],
  ["who sees a log", readVisible.member, () => [tenant, ["ada"], [id]]],
];

describe("a Citus cluster", () => {
  let own: TestDatabase;
  let client: pg.Client;
  const commands: string[] = [];

  beforeAll(async () => {
    own = await createTestDatabase();
    const database = await own.open();
    await addTenant(database, { id: tenant, slug: "one", name: "", secret: randomBytes(32) });
    const run = (text: string, values: unknown[]) => database.query({ name: `test_${text.length}`, text }, values);
    await run("insert into member (tenant_id, id, role) values ($1, 'ada', 2)", [tenant]);
    await run("insert into conversation (tenant_id, id, owner_id, creator) values ($1, $2, 'ada', 'ada')", [
      tenant,
      id,
    ]);
    await run(
      "insert into message (tenant_id, conversation_id, seq, id, role, sender, content) values ($1, $2, 0, $3, 1, 'ada', 'a')",
      [tenant, id, said],
    );
    client = new pg.Client({ connectionString: own.url });
    await client.connect();
    await setUpSession(client, sessionSetup({ timeouts: DEFAULT_TIMEOUTS }), DEFAULT_TIMEOUTS.connect);
    client.on("notice", ({ message: text = "" }) => commands.push(text));
    await client.query("set client_min_messages = notice; set citus.log_remote_commands = on");
  });
  afterAll(async () => {
    await client.end();
    await own.drop();
  });

  test("a session knows that tables are distributed", () => {
    expect(isSharded(client)).toBe(true);
  });

  test.each(HOT)(
    "F-CITUS-PLANS %s is one command to one node, prepared or not",
    async (_, { name, text, sharded = text }, values) => {
      // PostgreSQL tries a generic plan from the sixth on.
      for (let time = 0; time < 8; time++) {
        commands.length = 0;
        const { rows } = await client.query({ name, text: sharded, values: [...values()] });
        expect(rows).not.toEqual([]);
        expect(commands.filter((command) => command.startsWith("issuing"))).toEqual([
          expect.stringContaining("issuing"),
        ]);
      }
    },
  );

  test("F-CITUS-TURNS what several tenants send by turns on one session is in each one's own log", async () => {
    const database = await own.open();
    const tenants = Array.from({ length: 6 }, () => ({ own: randomUUID(), log: randomUUID() }));
    const run = (text: string, values: unknown[]) => database.query({ name: `turns_${text.length}`, text }, values);
    for (const { own: slug, log } of tenants) {
      await addTenant(database, { id: slug, slug, name: "", secret: randomBytes(32) });
      await run("insert into member (tenant_id, id, role) values ($1, 'ada', 2)", [slug]);
      const conversation = "insert into conversation (tenant_id, id, owner_id, creator) values ($1, $2, 'ada', 'ada')";
      await run(conversation, [slug, log]);
    }
    const { name, sharded: text = "" } = send.member;
    // PostgreSQL keeps a plan from the sixth on, Citus one for each shard; one message and two are different statements.
    for (let time = 0; time < 14; time++) {
      for (const { own: id, log } of tenants) {
        const words = time % 2 === 0 ? [id] : [id, id];
        const each = (value: unknown) => words.map(() => value);
        const columns = [words.map(() => randomUUID()), each(1), words, each(null), each(null)];
        const values = [id, "ada", log, "ada", ...columns, "ada", "Send", null, null, false, each(null), each(null)];
        await client.query({ name, text, values });
      }
    }
    const stored = `select tenant_id::text as own, conversation_id::text as log, count(*)::int as count,
      max(seq)::int as last, min(content) as least, max(content) as most from message where tenant_id = any($1) group by 1, 2`;
    const { rows } = await client.query(stored, [tenants.map((tenant) => tenant.own)]);
    const byTenant = (a: { own: string }, b: { own: string }) => a.own.localeCompare(b.own);
    const expected = tenants.map((one) => ({ ...one, count: 21, last: 21, least: one.own, most: one.own }));
    expect(rows.toSorted(byTenant)).toEqual(expected.toSorted(byTenant));
  });
});

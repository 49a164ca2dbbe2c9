// Users with more than one answer of the assistant API holds: past 1,000 conversations, past 20,000 messages.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../../src/domain/ids/id.ts";
import { type DialectServer, type HttpAnswer, startDialects } from "../../support/servers/dialect-server.ts";
import { expectError, PATH } from "./answers.ts";

let server: DialectServer;
beforeAll(async () => {
  server = await startDialects("assistant");
});
afterAll(() => server.close());

interface Shown {
  readonly id: string;
  readonly title: string;
  readonly messages: readonly { readonly content: string }[];
}

/** Conversations of a new user, oldest first, each with so many messages, straight into the database. */
async function userWith(counts: readonly number[]): Promise<string> {
  const userId = randomUUID();
  await server.tenant.addMember(userId);
  const ids = counts.map(() => newId());
  const conversations = `insert into conversation (tenant_id, id, title, owner_id, creator, last_seq, message_count)
    select $1, c.id, c.ordinal::text, $2, $2, c.count, c.count from unnest($3::uuid[], $4::int[]) with ordinality c(id, count, ordinal)`;
  const messages = `insert into message (tenant_id, conversation_id, seq, id, role, sender, content)
    select $1, c.id, s, gen_random_uuid(), 1, $2, s::text from unnest($3::uuid[], $4::int[]) c(id, count), generate_series(1, c.count) s`;
  const { database } = server.server;
  await database.query({ name: "test_conversations", text: conversations }, [server.tenant.id, userId, ids, counts]);
  await database.query({ name: "test_messages", text: messages }, [server.tenant.id, userId, ids, counts]);
  return userId;
}

const get = (userId: string, query: Record<string, string | number> = {}): Promise<HttpAnswer> =>
  server.http("GET", `${PATH}?${new URLSearchParams({ userId, ...query } as Record<string, string>)}`);

/** Every answer until there is no more. */
async function follow(userId: string, query: Record<string, string | number> = {}): Promise<HttpAnswer[]> {
  const answers = [await get(userId, query)];
  for (let last = answers[0]; last?.json.nextCursor !== undefined; last = answers.at(-1)) {
    expect(last.json.truncated).toBe(true);
    if (answers.length > 50) throw new Error("it never ends");
    answers.push(await get(userId, { ...query, cursor: last.json.nextCursor }));
  }
  return answers;
}

const shown = (answers: readonly HttpAnswer[]) => answers.flatMap(({ json }) => json.conversations as Shown[]);
const numbersDown = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, i) => String(from - i));

describe("S2-1 all conversations of a user", () => {
  test("are in one answer up to 1,000, without a word of truncation", async () => {
    const userId = await userWith(Array(1000).fill(1));
    const { json } = await get(userId);
    expect(Object.keys(json)).toEqual(["success", "conversations", "count", "requestId"]);
    expect(json.count).toBe(1000);
    expect(json.conversations.map(({ title }: Shown) => title)).toEqual(numbersDown(1000, 1));
  });

  test("go on behind a cursor past 1,000", async () => {
    const userId = await userWith(Array(1001).fill(1));
    const answers = await follow(userId);
    expect(Object.keys(answers[0]?.json)).toEqual([
      "success",
      "conversations",
      "count",
      "requestId",
      "truncated",
      "nextCursor",
    ]);
    expect(answers.map(({ json }) => json.count)).toEqual([1000, 1]);
    expect(shown(answers).map(({ title }) => title)).toEqual(numbersDown(1001, 1));
  });

  test("hold 20,000 messages, and go on behind a cursor past them, each conversation whole", async () => {
    const exact = await userWith([1, 9_999, 10_000]);
    expect((await get(exact)).json.truncated).toBeUndefined();
    const userId = await userWith([3, 10_001, 2, 9_999]);
    const answers = await follow(userId);
    const pages = answers.map(({ json }) => json.conversations.map((c: Shown) => [c.title, c.messages.length]));
    expect(pages).toEqual([
      [
        ["4", 9_999],
        ["3", 2],
      ],
      [
        ["2", 10_001],
        ["1", 3],
      ],
    ]);
  });

  test("show a conversation of more than 20,000 messages in parts, and lose none of them", async () => {
    const userId = await userWith([5, 40_005, 7]);
    const answers = await follow(userId);
    const pages = answers.map(({ json }) => json.conversations.map((c: Shown) => [c.title, c.messages.length]));
    expect(pages).toEqual([
      [["3", 7]],
      [["2", 20_000]],
      [["2", 20_000]],
      [
        ["2", 5],
        ["1", 5],
      ],
    ]);
    const long = shown(answers).filter(({ title }) => title === "2");
    expect(long.flatMap(({ messages }) => messages.map(({ content }) => content))).toEqual(
      Array.from({ length: 40_005 }, (_, i) => String(i + 1)),
    );
  });

  test.each([
    [1, 5],
    [2, 3],
    [4, 2],
    [5, 1],
  ])("come %s at a time where that is the limit", async (limit, pages) => {
    const userId = await userWith([1, 0, 2, 0, 3]);
    const answers = await follow(userId, { limit });
    expect(answers).toHaveLength(pages);
    expect(shown(answers).map(({ title }) => title)).toEqual(numbersDown(5, 1));
  });

  test("miss and repeat nothing while others are made and deleted", async () => {
    const userId = await userWith(Array(450).fill(0));
    const first = await get(userId, { limit: 300 });
    const gone = first.json.conversations[250].id;
    await server.http("DELETE", PATH, { body: { userId, conversationId: gone } });
    await server.http("POST", PATH, { body: { userId, title: "new" } });
    const second = await get(userId, { cursor: first.json.nextCursor });
    expect(shown([first, second]).map(({ title }) => title)).toEqual(numbersDown(450, 1));
  });

  test("take a limit over 1,000 for 1,000", async () => {
    const userId = await userWith(Array(1002).fill(0));
    expect((await get(userId, { limit: 2_000_000 })).json.count).toBe(1000);
  });

  test.each([["0"], ["-1"], ["1.5"], ["ten"], [""], ["99999999999"]])("refuse the limit %j", async (limit) => {
    expectError(await get(randomUUID(), { limit }), 400, "VALIDATION_ERROR", { field: "limit" });
  });

  test("refuse a cursor that is damaged or somebody else's", async () => {
    const userId = await userWith(Array(3).fill(0));
    const { nextCursor } = (await get(userId, { limit: 1 })).json;
    const [token, ...rest] = JSON.parse(Buffer.from(nextCursor, "base64url").toString());
    const forged = Buffer.from(JSON.stringify([`${token}x`, ...rest])).toString("base64url");
    for (const cursor of ["x", "W10", forged, `${nextCursor}!`.slice(4)]) {
      expectError(await get(userId, { cursor }), 400, "VALIDATION_ERROR", { field: "cursor" });
    }
    expectError(await get(randomUUID(), { cursor: nextCursor }), 400, "VALIDATION_ERROR", { field: "cursor" });
  });
});

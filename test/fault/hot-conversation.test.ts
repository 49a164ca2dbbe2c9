// One conversation in which everything waits: the others go on, and nobody waits longer than he said.
import { Code, type ConnectError } from "@connectrpc/connect";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { type OwnApp, startOwnApp } from "./stage/app.ts";
import { tablesAt } from "./stage/database.ts";
import { clientsOver, patientClients } from "./stage/wires.ts";

let database: TestDatabase;
let app: OwnApp;
let headers: Readonly<Record<string, string>>;
beforeAll(async () => {
  database = await createTestDatabase();
  app = await startOwnApp({ url: database.url, database: { poolSize: 4 } });
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await database.drop();
});

interface Conversation {
  readonly conversationId: string;
  readonly messageId: string;
}

let hot: Conversation;
let other: Conversation;
beforeEach(async () => {
  ({ headers } = await tablesAt(database.url).tenant());
  const create = async () => {
    const { conversation } = await clients().conversations.createConversation({});
    const conversationId = conversation?.id ?? "";
    const { message } = await clients().messages.sendMessage({ conversationId, message: { content: "0" } });
    return { conversationId, messageId: message?.id ?? "" };
  };
  hot = await create();
  other = await create();
});

const clients = () => patientClients(app.url, headers);

/** Keeps a conversation locked until it is let go. */
async function lock({ conversationId }: Conversation): Promise<AsyncDisposable> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query("begin");
  await client.query("select from conversation where id = $1 for update", [conversationId]);
  return { [Symbol.asyncDispose]: () => client.end() };
}

/** One of each kind of change, over and over. */
function change({ conversationId, messageId }: Conversation, index: number): Promise<unknown> {
  const { conversations, messages } = clientsOver("Connect JSON", app.url, headers);
  const kinds = [
    () => messages.updateMessage({ messageId, message: { content: String(index) } }),
    () => conversations.updateConversation({ conversationId, conversation: { title: String(index) } }),
    () => messages.restoreAllMessages({ conversationId }),
  ];
  return kinds[index % kinds.length]?.() ?? Promise.resolve();
}

test("64 changes that wait in one conversation keep nobody from another, and all are made when it is free", async () => {
  const locked = await lock(hot);
  const changes = Promise.allSettled(Array.from({ length: 64 }, (_, index) => change(hot, index)));
  await expect.poll(() => app.database.queue.open - app.database.queue.idle).toBeGreaterThan(0);
  // While they wait.
  const { conversation } = await clients().conversations.getConversation({ conversationId: other.conversationId });
  expect(conversation?.id).toBe(other.conversationId);
  await clients().messages.sendMessage({ conversationId: other.conversationId, message: { content: "on" } });
  await change(other, 0);
  expect(app.database.queue.waiting).toBe(0);
  await locked[Symbol.asyncDispose]();
  const failed = (await changes).filter(({ status }) => status === "rejected");
  expect(failed).toEqual([]);
});

test("a change whose deadline passes while others are before it is not made", async () => {
  const locked = await lock(hot);
  const first = Array.from({ length: 8 }, (_, index) => change(hot, index));
  const { conversationId } = hot;
  const hurried = clients()
    .conversations.updateConversation({ conversationId, conversation: { title: "late" } }, { timeoutMs: 200 })
    .catch((error: ConnectError) => error.code);
  expect(await hurried).toBe(Code.DeadlineExceeded);
  await locked[Symbol.asyncDispose]();
  await Promise.all(first);
  const { conversation } = await clients().conversations.getConversation({ conversationId });
  expect(conversation?.title).not.toBe("late");
});

// A read that is refused before it has read anything changes nothing of what its caller has seen.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ColloquyClient, createClient } from "../../src/client/index.ts";
import { LATEST, POSITION_HEADER } from "../../src/domain/read-position.ts";
import type { ReadPlace, ReplicaFigures } from "../../src/store/replicas/figures.ts";
import { type OwnApp, startOwnApp } from "../fault/stage/app.ts";
import { tablesAt } from "../fault/stage/database.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";

let own: TestDatabase;
let app: OwnApp;
let apiKey: string;
let client: ColloquyClient;
let conversationId: string;

beforeAll(async () => {
  own = await createTestDatabase();
  // It is no standby, so that the primary answers everything, and counts why.
  app = await startOwnApp({ url: own.url, database: { replicas: { urls: [own.url], onChange: () => {} } } });
  const { headers } = await tablesAt(own.url).tenant();
  apiKey = headers.authorization?.replace(/^Bearer /, "") ?? "";
  client = createClient({ baseUrl: app.url, apiKey });
  const { conversation } = await client.conversations.createConversation({});
  conversationId = conversation?.id ?? "";
});
afterAll(async () => {
  await app?.[Symbol.asyncDispose]();
  await own?.drop();
});

/** Why the primary was read meanwhile: `latest`, because the caller asked for what is newest. */
async function reads(work: () => Promise<unknown>): Promise<Partial<Record<ReadPlace, number>>> {
  const figures = () => app.database.replicas?.figures.reads as ReplicaFigures["reads"];
  const before = { ...figures() };
  await work();
  const entries = Object.entries(figures()).map(([place, count]) => [place, count - before[place as ReadPlace]]);
  return Object.fromEntries(entries.filter(([, count]) => count !== 0));
}

const POSITION = "0123456789abcdef-00000000000000ff";
const CONNECT = "/colloquy.v1.MessageService/ListMessages";
const SEND = "/colloquy.v1.MessageService/SendMessage";

async function call(path: string, position: string, { key = apiKey, body = "" } = {}): Promise<unknown[]> {
  const response = await fetch(`${app.url}${path}`, {
    method: body === "" ? "GET" : "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", [POSITION_HEADER]: position },
    ...(body !== "" && { body }),
  });
  await response.text();
  return [response.status, response.headers.get(POSITION_HEADER)];
}

test("F-REPLICA: a refused read returns the position that it came with", async () => {
  const wrong = JSON.stringify({ conversationId, pageSize: -1 });
  const rest = `/v1/conversations/${conversationId}/messages?page_size=-1`;
  expect(await call(CONNECT, POSITION, { body: wrong }), "broken rule").toEqual([400, POSITION]);
  expect(await call(rest, POSITION), "broken rule over REST").toEqual([400, POSITION]);
  expect(await call(CONNECT, POSITION, { body: "{" }), "not JSON").toEqual([400, POSITION]);
  expect(await call(CONNECT, POSITION, { key: "none", body: wrong }), "unknown key").toEqual([401, POSITION]);
  expect(await call(CONNECT, LATEST, { body: wrong }), "of a caller that has written").toEqual([400, LATEST]);
  expect(await call(CONNECT, "of another release", { body: wrong }), "unknown position").toEqual([400, LATEST]);
  expect(await call(SEND, POSITION, { body: "{" }), "refused write").toEqual([400, LATEST]);
});

test("F-REPLICA: after a refused read a client's next one need not be the newest", async () => {
  const read = () => client.messages.listMessages({ conversationId });
  await read();
  await read();
  expect(await reads(read)).toEqual({ none: 1 });
  await expect(client.messages.listMessages({ conversationId, pageSize: -1 })).rejects.toThrow("page_size");
  expect(await reads(read)).toEqual({ none: 1 });
});

// A failover: the primary is lost while messages are sent, and its standby takes its place.
import { expect, test, vi } from "vitest";
import { createClient } from "../../src/client/index.ts";
import { inspectDatabase } from "../../src/store/inspect/inspect.ts";
import { administer } from "../support/postgres/postgres.ts";
import { startReplicated } from "../support/postgres/standby.ts";
import { startOwnApp } from "./stage/app.ts";
import { tablesAt } from "./stage/database.ts";

// Whole clusters, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000 });

test("F-FAILOVER: with both hosts in DATABASE_URL, a lost primary delays what is sent and loses none of it", async () => {
  await using pair = await startReplicated();
  const tenant = await tablesAt(pair.primary.url).tenant();
  await using app = await startOwnApp({ url: pair.url() });
  const ready = async () => (await fetch(`${app.url}/readyz`)).status;
  expect(await ready()).toBe(200);

  // A standby alone is refused, whether or not more is wished.
  const wish = { schema: "public", migrating: false };
  expect(await inspectDatabase({ url: pair.standby.url, ...wish })).toMatch(/^leads to a standby/);
  await expect(
    inspectDatabase({ url: `${pair.standby.url}&target_session_attrs=read-write`, ...wish }),
  ).rejects.toThrow("the database cannot be reached");
  expect(await inspectDatabase({ url: pair.url("&target_session_attrs=primary"), ...wish })).toBeUndefined();

  const { authorization = "" } = tenant.headers;
  const client = createClient({
    baseUrl: app.url,
    apiKey: authorization.replace(/^Bearer /, ""),
    retry: { budgetMs: 90_000, maxMs: 200 },
    timeoutMs: 90_000,
  });
  const { conversation } = await client.conversations.createConversation({});
  const conversationId = conversation?.id ?? "";
  const acknowledged: string[] = [];
  let sending = true;
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    for (let message = 0; sending; message++) {
      const content = `${writer}/${message}`;
      await client.messages.sendMessage({ conversationId, message: { content } });
      acknowledged.push(content);
    }
  });
  const more = async (count: number) => {
    const goal = acknowledged.length + count;
    await expect.poll(() => acknowledged.length, { timeout: 60_000 }).toBeGreaterThanOrEqual(goal);
  };
  await more(20);
  await pair.primary.kill();
  await expect.poll(ready, { timeout: 30_000 }).toBe(503);
  expect((await fetch(app.url, { method: "OPTIONS" })).status).toBe(503);
  await pair.promote();
  await more(20);
  await expect.poll(ready, { timeout: 30_000 }).toBe(200);
  sending = false;
  await Promise.all(writers);

  const rows = await administer(pair.standby.url, "select seq::int, content from message order by seq");
  expect(rows.map(({ content }) => content).sort()).toEqual(acknowledged.sort());
  expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, index) => index + 1));
});

// Servers of one database with different keys: what one cannot read is left to the other.
import { Writable } from "node:stream";
import { expect, test, vi } from "vitest";
import { createLogger } from "../../src/telemetry/log.ts";
import { startOwnApp } from "../fault/stage/app.ts";
import { tablesAt } from "../fault/stage/database.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { startReceiver } from "../support/webhook-receiver.ts";

// Leases end by the clock.
vi.setConfig({ testTimeout: 120_000 });

const keyOf = (byte: number) => Buffer.alloc(32, byte).toString("base64");

test("an endpoint whose secret a server cannot read is delivered by the one that can", async () => {
  await using own = new AsyncDisposableStack();
  const database = await createTestDatabase();
  own.defer(() => database.drop());
  const receiver = await startReceiver();
  own.defer(() => receiver.close());
  const { url } = database;
  const tenant = await tablesAt(url).tenant();
  const headers = { ...tenant.headers, "content-type": "application/json" };
  const start = (byte: number, logger?: ReturnType<typeof createLogger>) =>
    startOwnApp({
      url,
      environment: { COLLOQUY_WEBHOOK_PRIVATE: "yes", COLLOQUY_AGENT_KEY: keyOf(byte) },
      ...(logger && { logger }),
    });
  const post = async (at: string, path: string, body: object) => {
    const response = await fetch(`${at}/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    expect(response.status).toBe(201);
    return await response.json();
  };

  const right = await start(1);
  await post(right.url, "webhooks", { endpoint: { url: receiver.url } });
  await right[Symbol.asyncDispose]();
  const warned = Promise.withResolvers<void>();
  const destination = new Writable({
    write(chunk, _, done) {
      if (String(chunk).includes("set COLLOQUY_AGENT_KEY")) warned.resolve();
      done();
    },
  });
  const wrong = own.use(await start(2, createLogger({ destination })));
  await post(wrong.url, "conversations", { conversation: { title: "Lift" }, messages: [{ content: "hi" }] });
  await warned.promise;
  expect(receiver.received).toEqual([]);
  own.use(await start(1));
  await expect.poll(() => receiver.taken().length, { timeout: 30_000 }).toBe(1);
});

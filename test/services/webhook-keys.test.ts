// A secret that a server's keys do not open, as after a restore without the old data directory: it waits for the key.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { expect, test, vi } from "vitest";
import { createLogger } from "../../src/telemetry/log.ts";
import { startOwnApp } from "../fault/stage/app.ts";
import { tablesAt } from "../fault/stage/database.ts";
import { administer, createTestDatabase } from "../support/postgres/postgres.ts";
import { startReceiver } from "../support/services/webhook-receiver.ts";

// Leases end by the clock.
vi.setConfig({ testTimeout: 120_000 });

const keyOf = (byte: number) => Buffer.alloc(32, byte).toString("base64");

test("an endpoint whose secret a server cannot read is delivered once a server brings the key", async () => {
  await using own = new AsyncDisposableStack();
  const database = await createTestDatabase();
  own.defer(() => database.drop());
  const receiver = await startReceiver();
  own.defer(() => receiver.close());
  const { url } = database;
  const tenant = await tablesAt(url).tenant();
  const headers = { ...tenant.headers, "content-type": "application/json" };
  const folder = await mkdtemp(join(tmpdir(), "colloquy-keys-"));
  own.defer(() => rm(folder, { recursive: true }));
  // The key of an earlier release lies in the data directory.
  const start = async (byte: number, logger?: ReturnType<typeof createLogger>) => {
    const dataDir = join(folder, String(byte));
    await mkdir(dataDir, { recursive: true });
    await writeFile(join(dataDir, "agent.key"), keyOf(byte), { mode: 0o600 });
    return await startOwnApp({
      url,
      environment: { COLLOQUY_WEBHOOK_PRIVATE: "yes", COLLOQUY_DATA_DIR: dataDir },
      ...(logger && { logger }),
    });
  };
  const post = async (at: string, path: string, body: object) => {
    const response = await fetch(`${at}/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    expect(response.status).toBe(201);
    return await response.json();
  };

  const right = await start(1);
  await post(right.url, "webhooks", { endpoint: { url: receiver.url } });
  await right[Symbol.asyncDispose]();
  await administer(url, "delete from server_key");
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

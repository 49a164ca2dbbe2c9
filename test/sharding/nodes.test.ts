// A cluster's nodes die while messages are sent: what was acknowledged is there, once and in order.
import { rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { type CitusCluster, installedCitus, setUpDatabase, startCitus } from "../../scripts/citus/nodes.ts";
import { createClient } from "../../src/client/index.ts";
import type { Binaries } from "../../src/embedded-postgres/binaries.ts";
import { migrate } from "../../src/store/migrate.ts";
import { openDatabase } from "../../src/store/open-database.ts";
import { type OwnApp, startOwnApp } from "../fault/stage/app.ts";
import { type Tables, type Tenant, tablesAt } from "../fault/stage/database.ts";
import { freePort } from "../support/free-port.ts";
import { newDirectory } from "../support/postgres.ts";

// Whole clusters, on machines that may be busy.
vi.setConfig({ testTimeout: 300_000 * Number(process.env.TEST_PATIENCE || 1) });

const KILLS = Number(process.env.TEST_KILLS || 2);

interface Cluster extends AsyncDisposable {
  readonly nodes: CitusCluster;
  readonly tables: Tables;
  readonly app: OwnApp;
}

/** Unlike the run's, it keeps what is committed when it is killed. */
async function startCluster(): Promise<Cluster> {
  await using begun = new AsyncDisposableStack();
  const directory = await newDirectory();
  begun.defer(() => rm(directory, { recursive: true, force: true }));
  const ports = [await freePort(), await freePort(), await freePort()] as const;
  const nodes = await startCitus(directory, installedCitus() as Binaries, ports, { "citus.shard_count": "4" });
  begun.defer(() => nodes.stop());
  await setUpDatabase(nodes, "colloquy");
  const url = nodes.coordinator.url("colloquy");
  const database = await openDatabase({ url });
  await migrate(database);
  await database.close();
  const app = await startOwnApp({ url });
  begun.defer(() => app[Symbol.asyncDispose]());
  const kept = begun.move();
  return { nodes, tables: tablesAt(url), app, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Sends to a conversation of a tenant of its own, one message after the other, until it is told to stop. */
async function startWriter({ tables, app }: Cluster) {
  const tenant: Tenant = await tables.tenant();
  const client = createClient({
    baseUrl: app.url,
    apiKey: tenant.headers.authorization?.replace(/^Bearer /, "") ?? "",
    retry: { budgetMs: 90_000, maxMs: 200 },
    timeoutMs: 90_000,
  });
  const { conversation } = await client.conversations.createConversation({});
  const conversationId = conversation?.id ?? "";
  const acknowledged: string[] = [];
  let sending = true;
  const done = (async () => {
    while (sending) {
      const content = `${acknowledged.length}`;
      await client.messages.sendMessage({ conversationId, message: { content } });
      acknowledged.push(content);
    }
  })();
  return {
    tenant,
    acknowledged,
    async finish() {
      sending = false;
      await done;
      const rows = await tables.sql(
        "select seq::int, content from message where tenant_id = $1 and conversation_id = $2 order by seq",
        [tenant.id, conversationId],
      );
      expect(rows).toEqual(acknowledged.map((content, index) => ({ seq: index + 1, content })));
    },
  };
}

type Writer = Awaited<ReturnType<typeof startWriter>>;

const startWriters = (cluster: Cluster) => Promise.all(Array.from({ length: 6 }, () => startWriter(cluster)));

/** All of them go on. */
async function more(writers: readonly Writer[], count: number): Promise<void> {
  const goals = writers.map(({ acknowledged }) => acknowledged.length + count);
  const behind = () => writers.filter(({ acknowledged }, index) => acknowledged.length < (goals[index] ?? 0)).length;
  await expect.poll(behind, { timeout: 120_000 }).toBe(0);
}

test("F-CITUS-NODES a worker that is killed delays what is sent to its tenants, and loses none of it", async () => {
  await using cluster = await startCluster();
  const writers = await startWriters(cluster);
  for (let kill = 0; kill < KILLS; kill++) {
    await more(writers, 5);
    const worker = cluster.nodes.workers[kill % cluster.nodes.workers.length];
    await delay(Math.random() * 50);
    await worker?.kill();
    // Each call that meets the dead node is tried again meanwhile.
    await delay(300);
    await worker?.start();
  }
  await more(writers, 5);
  for (const writer of writers) await writer.finish();
});

// A cluster's nodes die, and its shards move, under writers and readers: what was acknowledged is there, once and in order,
// and nobody is told worse than to try again.
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { check } from "../fault/history/check.ts";
import { History } from "../fault/history/history.ts";
import { readStored } from "../fault/history/stored.ts";
import { unexpected } from "../fault/scenarios/answers.ts";
import { verdictOf } from "../fault/scenarios/scenario.ts";
import { survival } from "../fault/scenarios/survival.ts";
import { type OwnApp, startOwnApp } from "../fault/stage/app.ts";
import type { Store } from "../fault/stage/database.ts";
import { createRandom, type Random } from "../fault/stage/random.ts";
import { createConversations, startWriters } from "../fault/stage/writers.ts";
import { type OwnCitus, startOwnCitus } from "../support/postgres/citus-cluster.ts";

// Whole clusters, on machines that may be busy. In the torture run, as many kills as fit into an hour.
const FULL = process.env.TORTURE === "1";
const patience = Number(process.env.TEST_PATIENCE || 1) * (FULL ? 12 : 1);
vi.setConfig({ testTimeout: 300_000 * patience, hookTimeout: 120_000 * patience });

let own: OwnCitus;
let app: OwnApp;
beforeAll(async () => {
  own = await startOwnCitus();
  app = await startOwnApp({ url: own.tables.url });
});
afterAll(async () => {
  await app?.[Symbol.asyncDispose]();
  await own?.[Symbol.asyncDispose]();
});

/** The cluster as a store that loses a node at each crash: each of them once, then any. */
function losingNodes({ nodes: { coordinator, workers }, tables }: OwnCitus, { pick, next }: Random): Store {
  const nodes = [coordinator, ...workers];
  const inTurn = [...nodes];
  let dead = coordinator;
  return {
    ...tables,
    pid: async () => 0,
    async crash() {
      dead = inTurn.pop() ?? pick(nodes);
      await dead.kill();
    },
    async recover() {
      // Calls that meet the dead node are tried again meanwhile.
      await delay(next() * 500);
      await dead.start();
    },
  };
}

test("F-CITUS-NODES an acknowledged write survives kill -9 of any node under writers, again and again", async () => {
  const cycles = FULL ? Number(process.env.CITUS_KILLS || 200) : 3;
  const size = { cycles, writers: FULL ? 16 : 6, conversations: 4, texts: 30 };
  const random = createRandom(1);
  const { findings, figures } = await survival(losingNodes(own, random), [app.url], random, size);
  if (FULL) process.stderr.write(`${JSON.stringify(figures)}\n`);
  expect(findings).toEqual([]);
  expect(figures.acknowledged).toBeGreaterThan(6);
});

/** The shard of a tenant's messages, where it is, and where it is not. $1 the tenant. */
const PLACE = `
  select s.shardid as shard, n.nodename as node, n.nodeport as port, o.nodename as target, o.nodeport as target_port
  from pg_dist_placement s join pg_dist_node n using (groupid)
  join pg_dist_node o on o.groupid <> n.groupid and o.shouldhaveshards
  where s.shardid = get_shard_id_for_distribution_column('message', $1::uuid)`;

test("F-CITUS-MOVES a tenant whose shard moves, is split and is moved back loses nothing, and goes on meanwhile", async () => {
  const { tables } = own;
  const tenant = await tables.tenant();
  const random = createRandom(2);
  const history = new History();
  const conversationIds = await createConversations(app.url, tenant.headers, 2);
  const load = { writers: 4, repeated: 0.5, pauseMs: 20 };
  const writers = startWriters({ history, headers: tenant.headers, conversationIds, random, urls: [app.url], ...load });
  const goOn = async () => {
    const goal = writers.acknowledged + 8;
    await expect.poll(() => writers.acknowledged, { timeout: 120_000 * patience }).toBeGreaterThan(goal);
  };
  await goOn();
  const [place] = await tables.sql(PLACE, [tenant.id]);
  const way = [place?.shard, place?.node, place?.port, place?.target, place?.target_port];
  await tables.sql("select citus_move_shard_placement($1, $2, $3, $4, $5, 'force_logical')", way);
  await goOn();
  // Citus's other mode replicates what it cannot read, and hangs, if rows are updated while it begins.
  await tables.sql(
    "select isolate_tenant_to_new_shard('message', $1::uuid, 'cascade', shard_transfer_mode => 'block_writes')",
    [tenant.id],
  );
  await goOn();
  await tables.sql("select rebalance_table_shards(shard_transfer_mode => 'force_logical')");
  await goOn();
  await writers.stop();
  const { findings } = verdictOf(check(history, await readStored(tables.url, tenant.id)));
  expect([...findings, ...unexpected(writers.answers)]).toEqual([]);
});

// What the torture runner runs: each scenario in a size that takes ten seconds to a minute, to be repeated for hours.

import { hasSwift } from "../../support/services/swift.ts";
import { badInput } from "../scenarios/bad-input.ts";
import { deadlines } from "../scenarios/deadlines.ts";
import { decoders } from "../scenarios/decoders.ts";
import { files } from "../scenarios/files.ts";
import { fullDisk, whyNoSmallDisk } from "../scenarios/full-disk.ts";
import { hostility } from "../scenarios/hostility.ts";
import { mixed, type Standing } from "../scenarios/mixed.ts";
import { model } from "../scenarios/model.ts";
import { once } from "../scenarios/once.ts";
import { overload } from "../scenarios/overload.ts";
import { paging } from "../scenarios/paging.ts";
import { restarts, twoServers } from "../scenarios/restart.ts";
import type { Verdict } from "../scenarios/scenario.ts";
import { survival } from "../scenarios/survival.ts";
import { webhooks } from "../scenarios/webhooks.ts";
import { startOwnApp } from "../stage/app.ts";
import { type Store, startWholeServer } from "../stage/database.ts";
import { s3Place } from "../stage/files-place.ts";
import type { Random } from "../stage/random.ts";
import { startOwnServer } from "../stage/server.ts";

/** What all turns of a run share; started when it is first asked for. */
export interface Stage {
  store(): Promise<Store>;
  standing(): Promise<Standing>;
}

/** One turn; `share` is how large it is, from 0 to 1. */
export type Turn = (stage: Stage, random: Random, share: number) => Promise<Verdict>;

const least = (share: number, whole: number, floor = 1) => Math.max(floor, Math.round(share * whole));

export const PROGRAMME = {
  /** R1 to R13 together; see `mixed.ts`. Comes after every other turn. */
  mixed: async ({ standing }, random, share) => mixed(await standing(), random, { seconds: least(share, 30, 2) }),
  /** R1. */
  survival: async (stage, random, share) => {
    const store = await stage.store();
    await using server = await startOwnServer({ DATABASE_URL: store.url });
    const size = { cycles: least(share, 10), writers: 24, conversations: 4, texts: least(share, 200, 20) };
    return await survival(store, [server.url], random, size);
  },
  /** R1, of a server that keeps its own PostgreSQL. */
  embedded: async (_, random, share) => {
    await using whole = await startWholeServer();
    const size = { cycles: least(share, 4), writers: 12, conversations: 4, texts: least(share, 100, 20) };
    return await survival(whole.store, [whole.server.url], random, size);
  },
  /** R1, where a small file system can be mounted. */
  "full-disk": async (_, random, share) =>
    (await whyNoSmallDisk()) === undefined
      ? await fullDisk(random, { rounds: least(share, 3) })
      : { figures: { "full disks": 0 }, findings: [] },
  /** R2. */
  once: async ({ store }, random, share) =>
    once(await store(), random, { cutsAfterCommit: least(share, 100, 5), kills: least(share, 3), writers: 16 }),
  /** R17. */
  webhooks: async ({ store }, random, share) =>
    webhooks(await store(), random, { kills: least(share, 6), writers: 6, awayMs: 10_000 }),
  /** R1, of files. */
  files: async ({ store }, random, share) =>
    files(await store(), random, { kills: least(share, 10), workers: 6, maxBytes: 6 * 2 ** 20 }),
  /** The same in S3, where its test server is installed. */
  "files-s3": async ({ store }, random, share) =>
    hasSwift()
      ? files(await store(), random, { kills: least(share, 6), workers: 6, maxBytes: 14 * 2 ** 20, place: s3Place })
      : { figures: { "kills with S3": 0 }, findings: [] },
  /** R5. */
  "bad-input": async ({ store }, random, share) =>
    badInput(await store(), random, { requests: least(share, 20_000, 500) }),
  decoders: async (_, random, share) => decoders(random, { inputs: least(share, 300_000, 1_000) }),
  model: async ({ store }, random, share) => model(await store(), random, { runs: least(share, 150, 5) }),
  /** R6, R11. */
  hostility: async ({ store }, random, share) =>
    hostility(await store(), random, { milliseconds: least(share, 800, 50), lines: least(share, 3) }),
  /** R9. */
  paging: async (stage, random, share) => {
    const store = await stage.store();
    await using app = await startOwnApp({ url: store.url });
    return await paging(store, app.url, random, { scans: least(share, 500, 10) });
  },
  /** R10. */
  deadlines: async ({ store }, random, share) => deadlines(await store(), random, { calls: least(share, 500, 20) }),
  /** R11. */
  overload: async ({ store }, random, share) => overload(await store(), random, { rounds: least(share, 8, 2) }),
  /** R12. */
  restarts: async ({ store }, random, share) =>
    restarts(await store(), random, { rounds: least(share, 4), writers: 16 }),
  "two-servers": async ({ store }, random, share) =>
    twoServers(await store(), random, { rounds: least(share, 4), writers: 16 }),
} as const satisfies Record<string, Turn>;

export type TurnName = keyof typeof PROGRAMME;

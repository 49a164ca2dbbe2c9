// What the torture runner runs: each scenario in a size that takes ten seconds to a minute, to be repeated for hours.
import { badInput } from "../scenarios/bad-input.ts";
import { deadlines } from "../scenarios/deadlines.ts";
import { hostility } from "../scenarios/hostility.ts";
import { mixed, type Standing } from "../scenarios/mixed.ts";
import { once } from "../scenarios/once.ts";
import { overload } from "../scenarios/overload.ts";
import { paging } from "../scenarios/paging.ts";
import { restarts, twoServers } from "../scenarios/restart.ts";
import type { Verdict } from "../scenarios/scenario.ts";
import { survival } from "../scenarios/survival.ts";
import { startOwnApp } from "../stage/app.ts";
import { type Store, startWholeServer } from "../stage/database.ts";
import type { Random } from "../stage/random.ts";
import { startOwnServer } from "../stage/server.ts";

/** What all turns of a run share. */
export interface Stage {
  readonly store: Store;
  readonly standing: Standing;
}

/** One turn; `share` is how large it is, from 0 to 1. */
export type Turn = (stage: Stage, random: Random, share: number) => Promise<Verdict>;

const least = (share: number, whole: number, floor = 1) => Math.max(floor, Math.round(share * whole));

export const PROGRAMME = {
  /** R1 to R13 together; see `mixed.ts`. Comes after every other turn. */
  mixed: ({ standing }, random, share) => mixed(standing, random, { seconds: least(share, 30, 2) }),
  /** R1. */
  survival: async ({ store }, random, share) => {
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
  /** R2. */
  once: ({ store }, random, share) =>
    once(store, random, { cutsAfterCommit: least(share, 100, 5), kills: least(share, 3), writers: 16 }),
  /** R5. */
  "bad-input": ({ store }, random, share) => badInput(store, random, { requests: least(share, 20_000, 500) }),
  /** R6, R11. */
  hostility: ({ store }, random, share) =>
    hostility(store, random, { milliseconds: least(share, 800, 50), lines: least(share, 3) }),
  /** R9. */
  paging: async ({ store }, random, share) => {
    await using app = await startOwnApp({ url: store.url });
    return await paging(store, app.url, random, { scans: least(share, 500, 10) });
  },
  /** R10. */
  deadlines: ({ store }, random, share) => deadlines(store, random, { calls: least(share, 500, 20) }),
  /** R11. */
  overload: ({ store }, random, share) => overload(store, random, { rounds: least(share, 8, 2) }),
  /** R12. */
  restarts: ({ store }, random, share) => restarts(store, random, { rounds: least(share, 4), writers: 16 }),
  "two-servers": ({ store }, random, share) => twoServers(store, random, { rounds: least(share, 4), writers: 16 }),
} as const satisfies Record<string, Turn>;

export type TurnName = keyof typeof PROGRAMME;

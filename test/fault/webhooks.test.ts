// R17: what leaves leaves, in order.
import { expect, test } from "vitest";
import { webhooks } from "./scenarios/webhooks.ts";
import { startOwnDatabase } from "./stage/database.ts";
import { createRandom } from "./stage/random.ts";

const FULL = process.env.TORTURE === "1";
const KILLS = Number(process.env.WEBHOOK_KILLS ?? 500);
const MINUTES = Number(process.env.WEBHOOK_MINUTES ?? 120);
const SIZE = FULL
  ? { kills: KILLS, writers: 8, awayMs: 10_000, atMostMs: MINUTES * 60_000 }
  : { kills: 2, writers: 4, awayMs: 1_000 };

test(
  "every event is taken, each conversation's in order, whatever dies",
  async () => {
    await using store = await startOwnDatabase({ on: "memory" });
    const { figures, findings } = await webhooks(store, createRandom(17), SIZE);
    if (FULL) process.stderr.write(`${JSON.stringify(figures)}\n`);
    expect(findings).toEqual([]);
    expect(figures.entries).toBeGreaterThan(50);
    if (FULL) expect(figures["kills of a server"]).toBeGreaterThan(0);
    else expect(figures["kills of a server"]).toBe(SIZE.kills);
  },
  FULL ? 3 * 3_600_000 : 240_000,
);

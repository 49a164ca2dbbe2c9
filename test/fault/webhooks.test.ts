// R17: what leaves leaves, in order.
import { expect, test } from "vitest";
import { webhooks } from "./scenarios/webhooks.ts";
import { startOwnDatabase } from "./stage/database.ts";
import { createRandom } from "./stage/random.ts";

const FULL = process.env.TORTURE === "1";
const KILLS = Number(process.env.WEBHOOK_KILLS ?? 500);
const MINUTES = Number(process.env.WEBHOOK_MINUTES ?? 120);
/** After a kill a lease must end, which is most of the time of a round: so many stores have their rounds side by side. */
const STORES = FULL ? Math.min(4, KILLS) : 1;
const SIZE = FULL
  ? { kills: Math.ceil(KILLS / STORES), writers: 3, awayMs: 10_000, atMostMs: MINUTES * 60_000 }
  : { kills: 2, writers: 4, awayMs: 1_000 };

test(
  "every event is taken, each conversation's in order, whatever dies",
  async () => {
    const verdicts = await Promise.all(
      Array.from({ length: STORES }, async (_, index) => {
        await using store = await startOwnDatabase({ on: "memory" });
        const verdict = await webhooks(store, createRandom(17 + index), SIZE);
        if (FULL) process.stderr.write(`${JSON.stringify(verdict)}\n`);
        return verdict;
      }),
    );
    expect(verdicts.flatMap(({ findings }) => findings)).toEqual([]);
    for (const { figures } of verdicts) {
      expect(figures.entries).toBeGreaterThan(50);
      if (FULL) expect(figures["kills of a server"]).toBeGreaterThan(0);
      else expect(figures["kills of a server"]).toBe(SIZE.kills);
    }
  },
  FULL ? 3 * 3_600_000 : 240_000,
);

// A disk that fills up costs nothing that was acknowledged.
import { expect, test, vi } from "vitest";
import { fullDisk, whyNoSmallDisk } from "./scenarios/full-disk.ts";
import { createRandom } from "./stage/random.ts";

vi.setConfig({ testTimeout: 120_000 });

const why = await whyNoSmallDisk();
if (why !== undefined) process.stderr.write(`${why}: skipping the test of a full disk\n`);

test.skipIf(why !== undefined)(
  "on a full disk writes are refused in words, and with room again they go on",
  async () => {
    const { findings, figures } = await fullDisk(createRandom(1), { rounds: 1 });
    expect(findings).toEqual([]);
    expect(figures.acknowledged).toBeGreaterThan(20);
  },
);

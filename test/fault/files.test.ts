// Files under kills of the server: what is acknowledged is kept, and nothing is half there.
import { expect, test } from "vitest";
import { files } from "./scenarios/files.ts";
import { startOwnDatabase } from "./stage/database.ts";
import { createRandom } from "./stage/random.ts";

test("a killed server loses no file, leaves nothing that the sweeper does not find, and gives nobody else a byte", async () => {
  await using store = await startOwnDatabase({ on: "memory" });
  const size = { kills: 2, workers: 4, maxBytes: 5 * 2 ** 20 };
  const { figures, findings } = await files(store, createRandom(19), size);
  expect(findings).toEqual([]);
  expect(figures).toMatchObject({ "kills of a server": 2, findings: 0 });
  expect(figures.uploads).toBeGreaterThan(3);
}, 240_000);

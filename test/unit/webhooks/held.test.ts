// The bound of what all endpoints hold in memory together.
import { expect, test } from "vitest";
import { HeldEntries, type Reader } from "../../../src/webhooks/reading/held.ts";

const MIB = 1 << 20;
/** Weighs about so many bytes. */
const entryOf = (bytes: number) => ({ contentLength: bytes / 4 });
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** An endpoint that reads entries of a MiB and keeps them until it is told that they were taken. */
function endpoint(held: HeldEntries, reader: Reader) {
  const kept: { contentLength: number }[] = [];
  return {
    kept,
    read: () =>
      held.read(reader, async () => {
        const entry = entryOf(MIB);
        held.hold(entry);
        kept.push(entry);
      }),
    taken: () => {
      for (const entry of kept.splice(0)) held.release(entry);
    },
  };
}

test("many endpoints that lag hold no more than the bound, and each goes on once others have let go", async () => {
  const held = new HeldEntries(32 * MIB);
  const lagging = Array.from({ length: 300 }, () => endpoint(held, "proven"));
  let done = false;
  const reads = Promise.all(lagging.map((one) => one.read())).then(() => (done = true));
  let most = 0;
  while (!done) {
    await turn();
    most = Math.max(most, held.bytes);
    if (!held.hasRoom("proven")) for (const one of lagging) one.taken();
  }
  await reads;
  expect(most).toBeGreaterThan(30 * MIB);
  expect(most).toBeLessThan(41 * MIB);
});

test("endpoints whose requests hang leave half of the room to those that take what they are sent", async () => {
  const held = new HeldEntries(32 * MIB);
  const hanging = Array.from({ length: 100 }, () => endpoint(held, "unproven"));
  for (const one of hanging) void one.read();
  for (let n = 0; n < 50; n++) await turn();
  const holding = hanging.filter(({ kept }) => kept.length > 0);
  expect(holding.length).toBeGreaterThan(10);
  expect(holding.length).toBeLessThan(26);
  const live = endpoint(held, "proven");
  await live.read();
  expect(live.kept).toHaveLength(1);
  holding[0]?.taken();
  live.taken();
});

test("an entry that several endpoints hold counts once, until the last has let go", () => {
  const held = new HeldEntries();
  const entry = entryOf(MIB);
  for (let n = 0; n < 3; n++) held.hold(entry);
  const full = held.bytes;
  expect(full).toBeLessThan(2 * MIB);
  held.release(entry);
  held.release(entry);
  expect(held.bytes).toBe(full);
  for (let n = 0; n < 2; n++) held.release(entry);
  expect(held.bytes).toBe(0);
});

test("who can send nothing without it reads on although there is no room", async () => {
  const held = new HeldEntries(MIB);
  held.hold(entryOf(2 * MIB));
  expect(held.hasRoom("proven")).toBe(false);
  expect(await held.read("needy", async () => "read")).toBe("read");
});

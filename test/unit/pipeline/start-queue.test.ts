// Which calls begin in which turn of the event loop.
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { Interruption } from "../../../src/domain/cancellation.ts";
import { BEGIN_EACH_TURN, CONNECTING_TURNS, MAX_TO_BEGIN, StartQueue } from "../../../src/pipeline/start-queue.ts";

const FLOOD = "flood";

function setUp() {
  const queue = new StartQueue();
  /** What happened to whom, in order. */
  const begun: string[] = [];
  const refused: string[] = [];
  const enter = (tenant: string, name = tenant) => {
    const waiting = queue.enter(() => ({ tenant, caller: "ann" }));
    if (waiting === undefined) begun.push(name);
    else void waiting.then((begins) => (begins ? begun : refused).push(name));
  };
  const flood = (calls: number) => {
    for (let call = 0; call < calls; call++) enter(FLOOD, `${FLOOD}-${call}`);
  };
  return { queue, begun, refused, enter, flood };
}

test("a few calls begin at once, and nobody is asked whose they are", () => {
  const queue = new StartQueue();
  const ask = () => {
    throw new Error("it costs");
  };
  for (let call = 0; call < BEGIN_EACH_TURN; call++) expect(queue.enter(ask)).toBeUndefined();
});

test("of a burst as many begin in each turn, in their order, until all have", async () => {
  const { begun, flood } = setUp();
  flood(3 * BEGIN_EACH_TURN + 1);
  const counts = [begun.length];
  for (let turn = 0; turn < 4; turn++) {
    await nextTurn();
    counts.push(begun.length);
  }
  const steps = [1, 2, 3].map((turn) => turn * BEGIN_EACH_TURN);
  expect(counts).toEqual([...steps, 3 * BEGIN_EACH_TURN + 1, 3 * BEGIN_EACH_TURN + 1]);
  expect(begun).toEqual(begun.map((_, n) => `${FLOOD}-${n}`));
});

test("a call that comes behind the burst of another tenant begins in the next turn, and not before those of its own", async () => {
  const { begun, enter, flood } = setUp();
  flood(100);
  enter("quiet", "quiet-0");
  enter("quiet", "quiet-1");
  await nextTurn();
  enter("quiet", "quiet-2");
  expect(begun.slice(BEGIN_EACH_TURN)).toEqual(["flood-4", "quiet-0", "flood-5", "quiet-1"]);
  await nextTurn();
  expect(begun.slice(2 * BEGIN_EACH_TURN)).toContain("quiet-2");
});

test("in a full queue the last call of those who wait most gives its place to somebody who waits less, or finds none", async () => {
  const { queue, begun, refused, enter, flood } = setUp();
  flood(BEGIN_EACH_TURN + MAX_TO_BEGIN - 1);
  expect(queue.isFull).toBe(false);
  enter(FLOOD, "last");
  expect(queue.isFull).toBe(true);
  const refuses = (tenant: string) => queue.refuses({ tenant, caller: "ann" });
  expect([refuses(FLOOD), refuses("quiet")]).toEqual([true, false]);
  enter("quiet");
  enter(FLOOD, "late");
  expect(begun).toHaveLength(BEGIN_EACH_TURN);
  await nextTurn();
  expect([refused, queue.refused]).toEqual([["last", "late"], 2]);
  expect(begun).toContain("quiet");
});

test("S-FLOOD-COUNTS: a call that nobody waits for any more leaves at once, and takes neither a place nor a turn", async () => {
  const { queue, begun, enter, flood } = setUp();
  flood(BEGIN_EACH_TURN);
  const gone = new Interruption();
  const left = Array.from({ length: MAX_TO_BEGIN }, () =>
    queue.enter(
      () => ({ tenant: FLOOD, caller: "ann" }),
      () => gone,
    ),
  );
  expect(queue.isFull).toBe(true);
  gone.abort(new Error("it left"));
  expect(queue.isFull).toBe(false);
  expect(new Set(await Promise.all(left))).toEqual(new Set([true]));
  enter(FLOOD, "next");
  await nextTurn();
  expect([begun.at(-1), queue.refused]).toEqual(["next", 0]);
});

test("while connections come, calls begin in every eighth turn alone, and as before when none comes any more", async () => {
  const { queue, begun, enter } = setUp();
  const counts: number[] = [];
  for (let turn = 1; turn <= 2 * (CONNECTING_TURNS + 1); turn++) {
    queue.connectionCame();
    enter(FLOOD);
    await nextTurn();
    counts.push(begun.length);
  }
  const none = Array.from({ length: CONNECTING_TURNS }, () => 0);
  const some = none.map(() => BEGIN_EACH_TURN);
  expect(counts).toEqual([...none, BEGIN_EACH_TURN, ...some, 2 * BEGIN_EACH_TURN]);
  await nextTurn();
  expect(begun).toHaveLength(3 * BEGIN_EACH_TURN);
});

test("a call behind a connection that came alone begins at once", async () => {
  const { queue, begun, enter } = setUp();
  queue.connectionCame();
  await nextTurn();
  enter("quiet");
  expect(begun).toEqual(["quiet"]);
});

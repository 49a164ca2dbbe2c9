// R1: an acknowledged write survives whatever kills PostgreSQL.
import { setTimeout as delay } from "node:timers/promises";
import { CRASHES } from "../faults/processes.ts";
import { check } from "../history/check.ts";
import { History } from "../history/history.ts";
import { readStored } from "../history/stored.ts";
import type { Store } from "../stage/database.ts";
import type { Random } from "../stage/random.ts";
import { createConversations, startWriters } from "../stage/writers.ts";
import { answered, unexpected } from "./answers.ts";
import { type Verdict, verdictOf } from "./scenario.ts";

export interface SurvivalSize {
  /** How often PostgreSQL is killed. */
  readonly cycles: number;
  readonly writers: number;
  readonly conversations: number;
  /** Texts to be acknowledged between two kills, at most. */
  readonly texts: number;
  /** Between two writes of a writer, in milliseconds. Default: 0. */
  readonly pauseMs?: number;
}

/** Kills PostgreSQL under writers, again and again; then compares what they were told with what there is. */
export async function survival(
  store: Store,
  urls: readonly string[],
  random: Random,
  { cycles, writers: count, conversations, texts, pauseMs = 0 }: SurvivalSize,
): Promise<Verdict> {
  const tenant = await store.tenant();
  const { headers } = tenant;
  const history = new History();
  const conversationIds = await createConversations(urls[0] ?? "", headers, conversations);
  const load = { writers: count, repeated: 0.5, pauseMs };
  const writers = startWriters({ history, headers, conversationIds, random, urls, ...load });
  const acknowledge = async (more: number) => {
    const goal = writers.acknowledged + more;
    while (writers.acknowledged < goal) await delay(5);
  };
  for (let cycle = 0; cycle < cycles; cycle++) {
    await acknowledge(random.between(1, texts));
    await store.crash(random.pick(CRASHES));
    await store.recover();
  }
  await acknowledge(count);
  await writers.stop();
  const verdict = verdictOf(check(history, await readStored(store.url, tenant.id)));
  return {
    figures: {
      "kills of PostgreSQL": cycles,
      ...history.count(),
      reads: history.reads.length,
      repeats: writers.repeats,
      ...answered(writers.answers),
      ...verdict.figures,
    },
    findings: [...verdict.findings, ...unexpected(writers.answers)],
  };
}

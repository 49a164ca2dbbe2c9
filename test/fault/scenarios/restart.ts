// R12: a stop drops nothing. And beside it: of two servers on one database, one dies.
import { setTimeout as delay } from "node:timers/promises";
import { suspend } from "../faults/processes.ts";
import { check } from "../history/check.ts";
import { History } from "../history/history.ts";
import { readStored } from "../history/stored.ts";
import type { Tables } from "../stage/database.ts";
import type { Random } from "../stage/random.ts";
import { startOwnServer } from "../stage/server.ts";
import { createConversations, startWriters, type Writers } from "../stage/writers.ts";
import { answered, unexpected } from "./answers.ts";
import { type Verdict, verdictOf } from "./scenario.ts";

export interface RestartSize {
  /** How often a server is stopped, killed or suspended. */
  readonly rounds: number;
  readonly writers: number;
  /** Between two writes of a writer, in milliseconds. Default: 0. */
  readonly pauseMs?: number;
}

/**
 * SIGTERM under load, again and again. Whatever was begun gets its answer: no write may take effect whose writer was
 * not told so.
 */
export async function restarts(
  tables: Tables,
  random: Random,
  { rounds, writers: count, pauseMs = 0 }: RestartSize,
): Promise<Verdict> {
  await using server = await startOwnServer({ DATABASE_URL: tables.url });
  const { id: tenantId, headers } = await tables.tenant();
  const conversationIds = await createConversations(server.url, headers, 4);
  const history = new History();
  const findings: string[] = [];
  const urls = [server.url];
  const load = { writers: count, repeated: 0, pauseMs };
  const writers = startWriters({ history, headers, conversationIds, random, urls, ...load });
  for (let round = 0; round < rounds; round++) {
    await acknowledge(writers, random.between(20, 100));
    server.signal("SIGTERM");
    const { status, stderr } = await server.ended;
    if (status !== 0) findings.push(`it ended with status ${status}: ${stderr.slice(-500)}`);
    await server.restart();
  }
  await acknowledge(writers, 20);
  await writers.stop();
  const stored = await readStored(tables.url, tenantId);
  const held = new Set(stored.logs.flatMap(({ messages }) => messages.map(({ text }) => text)));
  for (const { outcome, texts } of history.all()) {
    if (outcome.kind !== "acknowledged" && texts.some((text) => held.has(text))) {
      findings.push(`${texts[0]} took effect, and its writer was told: ${outcome.why}`);
    }
  }
  const verdict = verdictOf(check(history, stored));
  return {
    figures: { stops: rounds, ...history.count(), ...answered(writers.answers), ...verdict.figures },
    findings: [...findings, ...verdict.findings, ...unexpected(writers.answers)],
  };
}

/** Two servers: one is killed, or stops for a while as if it were dead, while callers go over to the other. */
export async function twoServers(
  tables: Tables,
  random: Random,
  { rounds, writers: count, pauseMs = 0 }: RestartSize,
): Promise<Verdict> {
  await using one = await startOwnServer({ DATABASE_URL: tables.url });
  await using other = await startOwnServer({ DATABASE_URL: tables.url });
  const { id: tenantId, headers } = await tables.tenant();
  const conversationIds = await createConversations(one.url, headers, 4);
  const history = new History();
  const urls = [one.url, other.url];
  const load = { writers: count, repeated: 0.7, pauseMs };
  const writers = startWriters({ history, headers, conversationIds, random, urls, ...load });
  let kills = 0;
  for (let round = 0; round < rounds; round++) {
    await acknowledge(writers, random.between(20, 100));
    const victim = random.pick([one, other]);
    if (random.chance(0.5)) {
      kills++;
      victim.signal("SIGKILL");
      await acknowledge(writers, 20);
      await victim.restart();
    } else {
      await suspend([victim.pid], random.between(100, 1_000));
    }
  }
  await acknowledge(writers, 20);
  await writers.stop();
  const verdict = verdictOf(check(history, await readStored(tables.url, tenantId)));
  return {
    figures: {
      "kills of one of two servers": kills,
      "suspensions of one of two servers": rounds - kills,
      ...history.count(),
      repeats: writers.repeats,
      ...answered(writers.answers),
      ...verdict.figures,
    },
    findings: [...verdict.findings, ...unexpected(writers.answers)],
  };
}

async function acknowledge(writers: Writers, more: number): Promise<void> {
  const goal = writers.acknowledged + more;
  while (writers.acknowledged < goal) await delay(5);
}

// A turn that this server runs, and what it says of its end.
import { pino } from "pino";
import { expect, test } from "vitest";
import { Circuit } from "../../../src/agents/connectors/circuit-breaker.ts";
import type { Connectors } from "../../../src/agents/connectors/connectors.ts";
import { HistoryRoom } from "../../../src/agents/turns/history-room.ts";
import type { LiveTurnTask } from "../../../src/agents/turns/live-task.ts";
import { LiveTurn, type LiveTurnParts } from "../../../src/agents/turns/live-turn.ts";
import { newId } from "../../../src/domain/ids/id.ts";
import { NO_TOKENS } from "../../../src/domain/turns/token-count.ts";
import { FinishReason } from "../../../src/domain/turns/turn.ts";
import { createHints } from "../../../src/live/hints/hints.ts";
import type { Database } from "../../../src/store/database.ts";
import { leastHeldBy } from "../../support/measure/loop-held.ts";

/** A turn of an agent that says these texts, and then is silent until it is stopped. */
async function live(texts: Iterable<string>, query: (name: string) => readonly object[], silent = true) {
  const connectors = {
    circuitOf: () => new Circuit(),
    mcpTools: async () => [],
    connectorOf: () =>
      async function* (_request: unknown, signal: AbortSignal) {
        for (const text of texts) yield { kind: "text", text };
        if (silent) await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        return FinishReason.STOP;
      },
  };
  const lines: string[] = [];
  const parts = {
    database: { query: async ({ name }: { readonly name: string }) => query(name) } as unknown as Database,
    hints: await createHints(),
    connectors: connectors as unknown as Connectors,
    room: new HistoryRoom(),
    waiting: undefined as never,
    times: { saveEveryMs: 5, leaseMs: 1_000, renewEveryMs: 100, sweepEveryMs: 1_000 },
    server: newId(),
    log: pino({}, { write: (line) => void lines.push(line) }),
    givingUp: new AbortController().signal,
  } satisfies LiveTurnParts;
  const place = { tenantId: newId(), conversationId: newId(), id: newId() };
  const agent = { id: newId(), idle_timeout_ms: 60_000, timeout_ms: 60_000 };
  const start = { step: 1, entryCount: 0, bytes: 0, said: 0, replyId: newId(), pending: [], usage: NO_TOKENS };
  const request = { messages: [] };
  const plain = { queued: false, endsWithCalls: false, discards: false, deltas: "" };
  const task = { place, agent, tools: [], start, ...plain, readRequest: async () => request };
  return { run: () => new LiveTurn(parts, task as unknown as LiveTurnTask), lines, close: () => parts.hints.close() };
}

test("one that ended elsewhere is given up, and is no failure of this server", async () => {
  const asked: string[] = [];
  const turn = await live(["so far"], (name) => {
    asked.push(name);
    // Its row is gone, or another server has ended it.
    return [];
  });
  await turn.run().done;
  expect(asked).toEqual(["turn_save"]);
  expect(turn.lines).toEqual([]);
  await turn.close();
});

test("one whose agent says a hundred thousand words at once gives way to others", async () => {
  const said = Array.from({ length: 100_000 }, () => "x ");
  const turn = await live(said, () => [{ stop: null }], false);
  const { ms, value } = await leastHeldBy(50, async () => {
    const one = turn.run();
    await one.done;
    return one.view.items;
  });
  expect(value[0]?.text.length).toBe(200_000);
  expect(ms).toBeLessThan(50);
  await turn.close();
});

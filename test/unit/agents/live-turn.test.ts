// A turn that this server runs, and what it says of its end.
import { pino } from "pino";
import { expect, test } from "vitest";
import { Circuit } from "../../../src/agents/connectors/circuit-breaker.ts";
import type { Connectors } from "../../../src/agents/connectors/connectors.ts";
import type { LiveTurnTask } from "../../../src/agents/turns/live-task.ts";
import { LiveTurn, type LiveTurnParts } from "../../../src/agents/turns/live-turn.ts";
import { newId } from "../../../src/domain/ids/id.ts";
import { NO_TOKENS } from "../../../src/domain/turns/token-count.ts";
import { createHints } from "../../../src/live/hints/hints.ts";
import type { Database } from "../../../src/store/database.ts";

test("one that ended elsewhere is given up, and is no failure of this server", async () => {
  const connectors = {
    circuitOf: () => new Circuit(),
    mcpTools: async () => [],
    connectorOf: () =>
      async function* (_request: unknown, signal: AbortSignal) {
        yield { kind: "text", text: "so far" };
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
  };
  const asked: string[] = [];
  const query = async ({ name }: { readonly name: string }) => {
    asked.push(name);
    // Its row is gone, or another server has ended it.
    return [];
  };
  const lines: string[] = [];
  const parts = {
    database: { query } as unknown as Database,
    hints: await createHints(),
    connectors: connectors as unknown as Connectors,
    waiting: undefined as never,
    times: { saveEveryMs: 5, leaseMs: 1_000, renewEveryMs: 100, sweepEveryMs: 1_000 },
    server: newId(),
    log: pino({}, { write: (line) => void lines.push(line) }),
    givingUp: new AbortController().signal,
  } satisfies LiveTurnParts;
  const place = { tenantId: newId(), conversationId: newId(), id: newId() };
  const agent = { id: newId(), idle_timeout_ms: 60_000, timeout_ms: 60_000 };
  const start = { step: 1, entryCount: 0, said: 0, replyId: newId(), pending: [], usage: NO_TOKENS };
  const request = { messages: [] };
  const plain = { queued: false, endsWithCalls: false, discards: false, deltas: null };
  const task = { place, agent, tools: [], start, ...plain, readRequest: async () => request };
  const live = new LiveTurn(parts, task as unknown as LiveTurnTask);
  await live.done;
  expect(asked).toEqual(["turn_save"]);
  expect(lines).toEqual([]);
  await parts.hints.close();
});

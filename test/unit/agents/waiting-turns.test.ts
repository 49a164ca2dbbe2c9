// Turns that wait for those before them: once the last has begun, nothing of the waiting is left.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { WaitingTurns } from "../../../src/agents/turns/waiting-turns.ts";
import { newId } from "../../../src/domain/ids/id.ts";
import { TURN_TIMES } from "../../../src/domain/turns/turn.ts";
import { createHints } from "../../../src/live/hints/hints.ts";
import type { Database } from "../../../src/store/database.ts";
import { silent } from "../../support/postgres/postgres.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] }));
afterEach(() => void vi.useRealTimers());

test("a turn that a hint has woken leaves no timer behind that would keep the process", async () => {
  const hints = await createHints();
  const rows: object[][] = [[], [{}]];
  const database = { query: async () => rows.shift() ?? [] } as unknown as Database;
  const waiting = new WaitingTurns({ database, hints, times: TURN_TIMES, server: newId(), log: silent });
  const place = { tenantId: newId(), conversationId: newId(), id: newId() };
  const begun = Promise.withResolvers<void>();
  waiting.add({ place, seq: 1n, started: begun.resolve, stopped: begun.reject });
  // The one before it has not ended when it comes.
  await vi.waitFor(() => expect(rows.length).toBe(1));
  hints.publish({ kind: "state", tenantId: place.tenantId, conversationId: place.conversationId });
  await begun.promise;
  await new Promise((resolve) => setImmediate(resolve));
  waiting.close();
  await hints.close();
  expect(vi.getTimerCount()).toBe(0);
});

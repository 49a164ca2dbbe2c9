// How often it is asked whether those who follow quiet logs may still see them, and how soon who may not is sent away.
import { randomUUID } from "node:crypto";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { ParticipantService } from "../../gen/colloquy/v1/participant_service_pb.ts";
import { type Caller, callerFrom } from "../../src/domain/identity/caller.ts";
import { followLog } from "../../src/live/followers/follow-log.ts";
import { createLogTails } from "../../src/live/followers/log-tail.ts";
import { Rights } from "../../src/live/followers/rights.ts";
import type { Hints } from "../../src/live/hints/hints.ts";
import { Signals } from "../../src/live/signals/signals.ts";
import type { Database } from "../../src/store/database.ts";
import * as log from "../../src/store/log/statements.ts";
import { startIdentityServer } from "../support/servers/identity-server.ts";

const TENANT: string = randomUUID();
const FOLLOWERS = 500;
/** As docs/subscriptions.md says. */
const RECHECK_MS = 5_000;

function member(memberId: string, role: "member" | "manager" | "admin" = "member", tenantId = TENANT): Caller {
  return callerFrom({ kind: "member", tenantId, memberId, role });
}

/** Never wakes anybody. */
const noHints = {
  listen: () => ({
    wait: (_ms: number, signal: AbortSignal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true })),
    close() {},
  }),
  signals: new Signals(false, undefined, () => {}),
} as unknown as Hints;

describe("A11: hundreds of members that each follow a quiet log of their own", () => {
  afterEach(() => vi.useRealTimers());

  test("are asked for together, some times a second, and are sent away within the documented time", async () => {
    vi.useFakeTimers();
    const asked: number[] = [];
    let gone = "";
    const database = {
      async query({ name }: { name: string }, [, viewers, ids]: [string, string[], string[]]) {
        if (name === log.readEnds.name) return viewers.map((id) => ({ id, last_seq: 0n }));
        if (name !== log.readVisible.member.name) return [{ seq: null }];
        asked.push(ids.length);
        return ids.flatMap((id, index) => (id === gone ? [] : [{ place: BigInt(index + 1) }]));
      },
    } as unknown as Database;
    const parts = { database, tails: createLogTails(database, noHints), rights: new Rights(database) };
    const closing = new AbortController();
    const ended = new Map<string, number>();
    const ids = Array.from({ length: FOLLOWERS }, () => randomUUID());
    const all = ids.map(async (id, index) => {
      const caller = member(`m${index}`);
      const steps = followLog(parts, async () => caller, id, 0n, 15_000, closing.signal);
      for await (const step of steps) expect(step).toBeUndefined();
      ended.set(id, performance.now());
    });
    const settled = Promise.allSettled(all);
    await vi.advanceTimersByTimeAsync(RECHECK_MS);
    asked.length = 0;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(asked.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual((FOLLOWERS * 30_000) / RECHECK_MS);
    expect(asked.length, "statements in half a minute").toBeLessThanOrEqual(4 * 30);
    for (const id of ids.slice(0, 10)) {
      gone = id;
      const began = performance.now();
      await vi.advanceTimersByTimeAsync(RECHECK_MS + 20);
      expect([...ended.keys()].at(-1)).toBe(id);
      expect((ended.get(id) ?? Number.POSITIVE_INFINITY) - began).toBeLessThanOrEqual(RECHECK_MS + 10);
    }
    expect(ended.size).toBe(10);
    closing.abort();
    await settled;
  });
});

describe("A11: rights that are asked for together", () => {
  test("are those that each viewer has, by one statement for all of a kind and tenant", async () => {
    const sent: string[] = [];
    await using server = await startIdentityServer({ onStatement: (text) => sent.push(text) });
    const [one, other] = [await server.tenant(), await server.tenant()];
    await one.addMember("mia", { role: "manager" });
    await one.addMember("max", { role: "manager", manager: "mia" });
    for (const id of ["sam", "amy", "eve"]) await one.addMember(id, id === "sam" ? { manager: "max" } : {});
    const conversations = server.client(ConversationService, await one.token("sam"));
    const create = async () => (await conversations.createConversation({ conversation: {} })).conversation?.id ?? "";
    const [kept, deleted, absent] = [await create(), await create(), randomUUID()];
    await server
      .client(ParticipantService, await one.token("sam"))
      .addParticipants({ conversationId: kept, memberIds: ["amy"] });
    await conversations.deleteConversation({ conversationId: deleted });
    const tenantId = one.id;
    const callers: [Caller, string[]][] = [
      [member("sam", "member", tenantId), [kept, deleted]],
      [member("amy", "member", tenantId), [kept]],
      [member("eve", "member", tenantId), []],
      [member("mia", "manager", tenantId), [kept, deleted]],
      [member("max", "manager", tenantId), [kept, deleted]],
      [member("eve", "manager", tenantId), []],
      [member("eve", "admin", tenantId), [kept, deleted]],
      [callerFrom({ kind: "key", tenantId, keyId: randomUUID(), scopes: ["read"] } as never), [kept, deleted]],
      [member("sam", "member", other.id), []],
      [member("sam", "admin", other.id), []],
    ];
    const rights = new Rights(server.database);
    const { signal } = new AbortController();
    sent.length = 0;
    for (const _ of [1, 2]) {
      const seen = await Promise.all(
        callers.map(async ([caller]) => {
          const answers = await Promise.all([kept, deleted, absent].map((id) => rights.sees(caller, id, signal)));
          return [kept, deleted, absent].filter((_, index) => answers[index]);
        }),
      );
      expect(seen).toEqual(callers.map(([, ids]) => ids));
    }
    const counts = (["member", "manager", "tenant"] as const).map(
      (kind) => sent.filter((text) => text === log.readVisible[kind].text).length,
    );
    expect(counts, "two tenants, one of them without a manager, twice").toEqual([4, 2, 4]);
  });

  test("are asked for once by those who ask alike, 500 at a time, and fail for all that asked", async () => {
    const asked: number[] = [];
    let fails = false;
    const database = {
      async query(_: unknown, [, , ids]: [string, string[], string[]]) {
        asked.push(ids.length);
        if (fails) throw new Error("away");
        return ids.map((_, index) => ({ place: BigInt(index + 1) }));
      },
    } as unknown as Database;
    const rights = new Rights(database);
    const { signal } = new AbortController();
    const ids = Array.from({ length: 1_100 }, () => randomUUID());
    const ask = () => ids.flatMap((id) => [1, 2].map(() => rights.sees(member("ann"), id, signal)));
    expect(new Set(await Promise.all(ask()))).toEqual(new Set([true]));
    expect(asked).toEqual([500, 500, 100]);
    fails = true;
    const failed = await Promise.allSettled(ask());
    expect(new Set(failed.map(({ status }) => status))).toEqual(new Set(["rejected"]));
  });

  test("are waited for no longer than who asks stays, though the database does not answer", async () => {
    const database = { query: () => new Promise(() => {}) } as unknown as Database;
    const leaving = new AbortController();
    const answer = new Rights(database).sees(member("ann"), randomUUID(), leaving.signal);
    leaving.abort(new Error("left"));
    await expect(answer).rejects.toThrow("left");
  });
});

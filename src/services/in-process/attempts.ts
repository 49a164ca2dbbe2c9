// Clients that send a request again by themselves, without an idempotency key: what they repeat acts once.
import { createHash, randomUUID } from "node:crypto";
import { type DescMethod, type Message, toBinary } from "@bufbuild/protobuf";
import { callerFrom } from "../../domain/identity/caller.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Database } from "../../store/database.ts";
import { type Attempt, forget, latestAttempt } from "../../store/idempotency/attempts.ts";
import { deriveContext } from "./context.ts";
import { keyOf } from "./in-process.ts";

export interface Attempts {
  /**
   * The context of a call, with a key of its own where the caller gave none: a further attempt has the key of the latest
   * one of the last ten minutes that had the same caller and request and whose response did not arrive. Whether it did
   * is known a second after it was sent; until then, and after a crash, it counts as lost.
   *
   * @param method the mutation that is called with the key
   * @param request what tells one request from another
   * @param attempt which attempt the client says that this is, from 0; undefined: it never sends a request again
   */
  begin(context: CallContext, method: DescMethod, request: Message, attempt: number | undefined): Promise<CallContext>;
  /** Forgets the attempt of a context that `begin` has made: what it did left nothing, and a further attempt acts anew. */
  forget(context: CallContext): Promise<void>;
}

/** What has arrived is forgotten in batches, after so many milliseconds. */
const GATHER_MS = 100;

/** @param onError told of attempts that could not be forgotten, which then count as lost */
export function createAttempts(database: Database, onError: (error: unknown) => void): Attempts {
  let arrived: Attempt[] = [];
  const attempts = new WeakMap<CallContext, Attempt>();

  function forgetSoon(attempt: Attempt): void {
    arrived.push(attempt);
    if (arrived.length > 1) return;
    setTimeout(() => {
      const batch = arrived;
      arrived = [];
      forget(database, batch).catch(onError);
    }, GATHER_MS).unref();
  }

  return {
    async begin(context, method, request, attempt) {
      if (context.idempotencyKey !== undefined || attempt === undefined) return context;
      const { method: own } = context;
      const hash = createHash("sha256").update(toBinary(own.input, request)).digest("base64url");
      const withKey = (key: string) => deriveContext(context, { idempotencyKey: key });
      const { tenantId, name: caller } = callerFrom(context.principal);
      const kept = { tenantId, caller, method: `${method.parent.typeName}/${method.name}` };
      const prefix = `attempt-${hash}-`;
      const first = keyOf(withKey(prefix)) ?? "";
      const before =
        attempt > 0 ? await latestAttempt(database, { ...kept, key: first }, context.interrupt) : undefined;
      const key = prefix + (before?.slice(first.length) ?? randomUUID());
      const again = withKey(key);
      attempts.set(again, { ...kept, key: keyOf(again) ?? "" });
      context.onceSent((received) => {
        if (received) forgetSoon({ ...kept, key: keyOf(again) ?? "" });
      });
      return again;
    },

    async forget(context) {
      const attempt = attempts.get(context);
      if (attempt !== undefined) await forget(database, [attempt]);
    },
  };
}

// Clients that send a request again by themselves, without an idempotency key: what they repeat acts once.
import { randomUUID } from "node:crypto";
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { inBackground } from "../../domain/background.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Database } from "../../store/database.ts";
import { type Attempt, forget, latestAttempt } from "../../store/idempotency/attempts.ts";
import { requestHash } from "../mutations.ts";
import { deriveContext } from "./context.ts";
import { keyOf } from "./in-process.ts";

export interface Attempts {
  /**
   * The context of a call, with a key of its own where the caller gave none: a further attempt has the key of the
   * latest one of the last ten minutes that had the same caller and request and whose response did not arrive. Whether
   * it did is known a second after it was sent; until then, and after a crash, it counts as lost. With either key, what
   * tells one request from another is what the client sent, not what was made of it.
   *
   * @param method the mutation that is called with the key
   * @param request as the client sent it
   * @param attempt which attempt the client says that this is, from 0; undefined: it never sends a request again
   */
  begin(context: CallContext, method: DescMethod, request: Message, attempt: number | undefined): Promise<CallContext>;
  /**
   * Keeps the key of a context that `begin` has made for the next attempt, also once the response has arrived: what it
   * did has failed and left nothing, so that the mutation acts anew under the same key.
   */
  mayComeAgain(context: CallContext): void;
}

/**
 * The attempts that have begun here, of which the database may know nothing yet: the latest key for what they begin
 * with.
 */
class BegunAttempts {
  readonly #keys = new Map<string, { readonly key: string; readonly until: number }>();

  begin(prefix: string, key: string): void {
    const now = performance.now();
    // In the order of their times.
    for (const [oldest, { until }] of this.#keys) {
      if (until > now && this.#keys.size < MAX_BEGUN) break;
      this.#keys.delete(oldest);
    }
    this.#keys.delete(prefix);
    this.#keys.set(prefix, { key, until: now + BEGUN_MS });
  }

  latest(prefix: string): string | undefined {
    const begun = this.#keys.get(prefix);
    return begun !== undefined && begun.until > performance.now() ? begun.key : undefined;
  }

  end(prefix: string, key: string): void {
    if (this.#keys.get(prefix)?.key === key) this.#keys.delete(prefix);
  }
}

/** By then the database knows of an attempt, or it was refused. */
const BEGUN_MS = 60_000;
const MAX_BEGUN = 20_000;

/** What has arrived is forgotten in batches, after so many milliseconds. */
const GATHER_MS = 100;

/** @param onError told of attempts that could not be forgotten, which then count as lost */
export function createAttempts(database: Database, onError: (error: unknown) => void): Attempts {
  let arrived: Attempt[] = [];
  const open = new WeakSet<CallContext>();
  const begun = new BegunAttempts();

  function forgetSoon(attempt: Attempt): void {
    arrived.push(attempt);
    if (arrived.length > 1) return;
    const forgetAll = () => {
      const batch = arrived;
      arrived = [];
      forget(database, batch).catch(onError);
    };
    inBackground(() => setTimeout(forgetAll, GATHER_MS)).unref();
  }

  return {
    async begin(context, method, request, attempt) {
      if (context.idempotencyKey === undefined && attempt === undefined) return context;
      const fingerprint = await requestHash(context.method.input, request);
      if (context.idempotencyKey !== undefined || attempt === undefined) return deriveContext(context, { fingerprint });
      const hash = Buffer.from(fingerprint).toString("base64url");
      const withKey = (key: string) => deriveContext(context, { idempotencyKey: key, fingerprint });
      const { tenantId, name: caller } = callerFrom(context.principal);
      const kept = { tenantId, caller, method: `${method.parent.typeName}/${method.name}` };
      const prefix = `attempt-${hash}-`;
      const first = keyOf(withKey(prefix)) ?? "";
      const name = [tenantId, caller, kept.method, prefix].join(" ");
      // One that was cut off may still be on its way to the database: its key makes the two one there.
      const running = attempt > 0 ? begun.latest(name) : undefined;
      const before =
        attempt > 0 && running === undefined
          ? await latestAttempt(database, { ...kept, key: first }, context.interrupt)
          : undefined;
      const key = running ?? prefix + (before?.slice(first.length) ?? randomUUID());
      begun.begin(name, key);
      const again = withKey(key);
      const attemptOf = { ...kept, key: keyOf(again) ?? "" };
      context.onceSent((received) => {
        if (!received || open.has(again)) return;
        begun.end(name, key);
        forgetSoon(attemptOf);
      });
      return again;
    },

    mayComeAgain(context) {
      open.add(context);
    },
  };
}

// 100 requests a minute for each user: fixed windows, counted in the memory of this server.
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { callerOf, type Principal } from "../../domain/principal.ts";
import type { CallInfo } from "../../rest/mount.ts";

const POINTS = 100;
const WINDOW_MS = 60_000;
/** So many windows are kept at most; the oldest go first. */
const MOST_WINDOWS = 100_000;

interface Window {
  count: number;
  readonly end: number;
}

/** Where a count stands after a request. */
export interface Taken {
  readonly allowed: boolean;
  readonly remaining: number;
  /** When the window ends, in milliseconds since 1970. */
  readonly end: number;
  readonly retryAfterMs: number;
}

/**
 * Counts the requests of a user whoever makes them; those that name no user, or one that the caller may not act for, are
 * counted for the caller. A window begins with its first request.
 */
export class UserLimits {
  readonly #now: () => number;
  /** In the order in which they end. */
  readonly #windows = new Map<string, Window>();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Counts a request of a user. */
  takeUser(tenantId: string | undefined, userId: string): Taken {
    return this.#take(`user:${tenantId ?? ""}/${userId}`);
  }

  /** Counts a request that did not come as far as its user. */
  takeFor({ call, address }: CallInfo): Taken {
    return this.#take(callerKey(call?.caller, address));
  }

  #take(key: string): Taken {
    const now = this.#now();
    this.#forget(now);
    let window = this.#windows.get(key);
    if (window === undefined) {
      window = { count: 0, end: now + WINDOW_MS };
      this.#windows.set(key, window);
    }
    const allowed = window.count < POINTS;
    if (allowed) window.count++;
    return { allowed, remaining: POINTS - window.count, end: window.end, retryAfterMs: window.end - now };
  }

  #forget(now: number): void {
    for (const [key, { end }] of this.#windows) {
      if (end > now && this.#windows.size < MOST_WINDOWS) return;
      this.#windows.delete(key);
    }
  }
}

/** `X-RateLimit-Reset` is the Unix time, in seconds, at which the window ends. */
export function limitHeaders({ remaining, end }: Taken): Record<string, string> {
  return {
    "x-ratelimit-limit": String(POINTS),
    "x-ratelimit-remaining": String(remaining),
    "x-ratelimit-reset": String(Math.ceil(end / 1000)),
  };
}

export function limitError({ retryAfterMs }: Taken): DomainError {
  return new DomainError(ErrorReason.RATE_LIMITED, "Too many requests: 100 a minute are allowed", { retryAfterMs });
}

function callerKey(caller: Principal | undefined, address: string): string {
  if (caller === undefined || caller.kind === "anonymous") return `address:${address}`;
  return `caller:${caller.tenantId ?? ""}/${callerOf(caller)}`;
}

// 100 requests a minute for each user: fixed windows, counted in memory, together with the other servers.
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { type Count, type CountExchange, sharedWindows, type Windows } from "../../domain/fixed-window.ts";
import { callerOf, type Principal } from "../../domain/identity/principal.ts";
import { networkOf } from "../../domain/network/network.ts";
import type { CallInfo } from "../../protocols/rest/binding/mount.ts";

const POINTS = 100;
const WINDOW_MS = 60_000;
/** So many windows are kept at most; the oldest go first. */
const MAX_WINDOWS = 100_000;

/**
 * Counts the requests of a user whoever makes them; those that name no user, or one that the caller may not act for,
 * are counted for the caller. A window begins with its first request.
 */
export class UserLimits {
  readonly #windows: Windows;

  /**
   * `now`: milliseconds since 1970, for responses say when a window ends. `exchange`: with other servers. Default:
   * none.
   */
  constructor(now: () => number = Date.now, exchange?: CountExchange) {
    const options = { points: POINTS, lengthMs: WINDOW_MS, max: MAX_WINDOWS, now };
    this.#windows = sharedWindows("assistant", options, exchange);
  }

  /** Counts a request of a user. */
  takeUser(tenantId: string | undefined, userId: string): Count {
    return this.#windows.take(`user:${tenantId ?? ""}/${userId}`);
  }

  /** Counts a request that did not come as far as its user. */
  takeFor({ call, address }: CallInfo): Count {
    return this.#windows.take(callerKey(call?.caller, address));
  }
}

/** `X-RateLimit-Reset` is the Unix time, in seconds, at which the window ends. */
export function limitHeaders({ remaining, end }: Count): Record<string, string> {
  return {
    "x-ratelimit-limit": String(POINTS),
    "x-ratelimit-remaining": String(remaining),
    "x-ratelimit-reset": String(Math.ceil(end / 1000)),
  };
}

export function limitError({ retryAfterMs }: Count): DomainError {
  return new DomainError(ErrorReason.RATE_LIMITED, "Too many requests: 100 a minute are allowed", {
    retryAfterMs,
  });
}

function callerKey(caller: Principal | undefined, address: string): string {
  if (caller === undefined || caller.kind === "anonymous") return `address:${networkOf(address)}`;
  return `caller:${caller.tenantId ?? ""}/${callerOf(caller)}`;
}

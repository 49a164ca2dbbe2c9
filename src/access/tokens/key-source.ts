// Loads and refreshes the public keys of an issuer.
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWSHeaderParameters } from "jose";
import type { Clock } from "../bounded-cache.ts";

/** The key type of jose. */
type VerifyKey = Awaited<ReturnType<ReturnType<typeof createLocalJWKSet>>>;

/**
 * Finds the key for a token's header. Throws jose's `JWKSNoMatchingKey`, `JWKSMultipleMatchingKeys` (with the
 * candidates), or `KeysUnavailable`.
 */
export interface KeySource {
  (header: JWSHeaderParameters): Promise<VerifyKey>;
  /** Reloads the keys, for a signature that none of them made; false: it is too early for a reload. */
  renew?(): Promise<boolean>;
}

/** No key of this issuer could be read yet, and it is too early to retry. */
export class KeysUnavailable extends Error {
  override readonly name = "KeysUnavailable";
}

export interface KeySourceOptions {
  /** Loads the whole set. Its errors are hidden as long as there is an older set. */
  readonly load: () => Promise<JSONWebKeySet>;
  readonly now?: Clock;
  /** Milliseconds after which a set is reloaded, in the background. Default 600,000. */
  readonly maxAgeMs?: number;
  /** Minimum milliseconds between two loads, however many unknown key ids arrive. Default 30,000. */
  readonly cooldownMs?: number;
  /** The same after a failed load. Default 5,000. */
  readonly retryMs?: number;
}

/**
 * Keeps the last set that could be loaded, so that an unavailable issuer has no effect on its tokens. An unknown key id
 * causes at most one load for each cooldown, so that made-up ids do not flood the issuer.
 */
export function keySource(options: KeySourceOptions): KeySource {
  const { load, now = () => performance.now(), maxAgeMs = 600_000, cooldownMs = 30_000, retryMs = 5_000 } = options;
  let find: ((header: JWSHeaderParameters) => Promise<VerifyKey>) | undefined;
  let loadedAt = 0;
  let nextReadAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  let failure: unknown;

  const read = (): Promise<void> => {
    reading ??= load()
      .then((set) => {
        find = finder(set);
        loadedAt = now();
        nextReadAt = loadedAt + cooldownMs;
        failure = undefined;
      })
      .catch((error: unknown) => {
        nextReadAt = now() + retryMs;
        failure = error;
      })
      .finally(() => {
        reading = undefined;
      });
    return reading;
  };
  const mayRead = () => reading !== undefined || now() >= nextReadAt;

  const source = async (header: JWSHeaderParameters) => {
    if (find === undefined) {
      if (mayRead()) await read();
      if (find === undefined) throw new KeysUnavailable("the issuer's keys cannot be read", { cause: failure });
    } else if (now() - loadedAt >= maxAgeMs && mayRead()) {
      void read();
    }
    try {
      return await find(header);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || !mayRead()) throw error;
      await read();
      return await find(header);
    }
  };
  const renew = async () => {
    if (!mayRead()) return false;
    await read();
    return failure === undefined;
  };
  return Object.assign(source, { renew });
}

// Keys without an id, such as those of a PEM file, are matched by algorithm only.
function finder(set: JSONWebKeySet): (header: JWSHeaderParameters) => Promise<VerifyKey> {
  const all = createLocalJWKSet(set);
  const unnamed = set.keys.filter((key) => key.kid === undefined);
  if (unnamed.length === 0) return all;
  const byAlgorithm = createLocalJWKSet({ keys: unnamed });
  return async ({ kid, ...header }) => {
    if (kid === undefined) return all(header);
    const named = set.keys.some((key) => key.kid === kid);
    return named ? all({ kid, ...header }) : byAlgorithm(header);
  };
}

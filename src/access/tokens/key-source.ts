// Where the public keys of an issuer come from, and when they are asked for again.
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWSHeaderParameters } from "jose";
import type { Clock } from "../bounded-cache.ts";

/** The type of key that jose verifies with. */
type VerifyKey = Awaited<ReturnType<ReturnType<typeof createLocalJWKSet>>>;

/**
 * Finds the key that a token's header names. Throws jose's `JWKSNoMatchingKey`, `JWKSMultipleMatchingKeys` (which gives the
 * keys that may be meant), or `KeysUnavailable`.
 */
export interface KeySource {
  (header: JWSHeaderParameters): Promise<VerifyKey>;
  /** Reads the keys anew, for a signature that none of them has made; false: it is too early for that. */
  renew?(): Promise<boolean>;
}

/** No key of this issuer was ever read, and now is no time to try again. */
export class KeysUnavailable extends Error {
  override readonly name = "KeysUnavailable";
}

export interface KeySourceOptions {
  /** Reads the whole set. Its failures are kept from callers as long as an older set is there. */
  readonly load: () => Promise<JSONWebKeySet>;
  readonly now?: Clock;
  /** Milliseconds after which a set is read again, in the background. Default 600,000. */
  readonly maxAgeMs?: number;
  /** Milliseconds that must pass between two reads, however many unknown key ids come. Default 30,000. */
  readonly cooldownMs?: number;
  /** The same after a read that failed. Default 5,000. */
  readonly retryMs?: number;
}

/**
 * Keeps the last set that could be read, for as long as it takes: an issuer that is down takes nobody with it. An
 * unknown key id causes at most one read for each cooldown, so that made-up ids cannot be used to flood the issuer.
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

// Keys without an id, as those of a PEM file, are matched by algorithm alone, whatever id the token names.
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

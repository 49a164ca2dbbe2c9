// The signing keys of the local issuer, which all servers of a database share.
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JSONWebKeySet, type JWK } from "jose";
import { z } from "zod";
import type { KeyRing } from "../../domain/secrets/key-ring.ts";
import { SettingError } from "../../domain/settings/setting-error.ts";

/** Age after which a new key signs. */
export const ROTATE_AFTER_MS = 90 * 24 * 60 * 60 * 1000;
/** How long a key verifies after it stopped signing: longer than any token is valid. */
export const RETIRE_AFTER_MS = 48 * 60 * 60 * 1000;

const storedKey = z.object({
  kty: z.literal("EC"),
  crv: z.literal("P-256"),
  x: z.string(),
  y: z.string(),
  d: z.string(),
  kid: z.string(),
  /** Milliseconds since 1970. */
  created_at: z.number(),
});
const storedKeys = z.object({ keys: z.array(storedKey).min(1) });

/** A private key. The newest comes first: that one signs, all verify. */
export type StoredKey = z.infer<typeof storedKey>;

/** Reads and rotates the keys. Several processes may do so at once, such as servers and the command line. */
export class LocalKeys {
  readonly #ring: KeyRing;
  readonly #now: () => number;

  constructor(ring: KeyRing, now: () => number = Date.now) {
    this.#ring = ring;
    this.#now = now;
  }

  /** Returns all keys; creates the first one. */
  async all(): Promise<readonly StoredKey[]> {
    const stored = await this.#ring.read();
    return stored === undefined ? this.#change((keys) => keys) : decode(stored);
  }

  /** The public keys, for `/.well-known/jwks.json`. */
  async publicKeys(): Promise<JSONWebKeySet> {
    return { keys: (await this.all()).map(publicHalf) };
  }

  /**
   * Adds the keys of `issuer.json`, in which earlier releases kept them in the data directory: tokens that they have
   * signed stay valid. Then rotates if the signing key is older than `ROTATE_AFTER_MS`. Throws a SettingError if the
   * file is damaged, or everyone can read it.
   */
  async start(dataDirectory: string): Promise<void> {
    const older = (await readKeyFile(join(dataDirectory, "issuer.json"))) ?? [];
    await this.#change((keys) => [...keys, ...older.filter(({ kid }) => keys.every((key) => key.kid !== kid))]);
    await this.rotateWhenOld();
  }

  /** Creates a key, which signs from now on. Older ones verify until `RETIRE_AFTER_MS` after their successor. */
  async rotate(): Promise<void> {
    const made = await this.#make();
    await this.#change((keys) => [made, ...keys]);
  }

  /** Rotates if the signing key is older than `ROTATE_AFTER_MS`. Returns whether it did. */
  async rotateWhenOld(): Promise<boolean> {
    const isOld = ([current]: readonly StoredKey[]) =>
      current !== undefined && this.#now() - current.created_at >= ROTATE_AFTER_MS;
    if (!isOld(await this.all())) return false;
    const made = await this.#make();
    // Another server may have rotated it meanwhile.
    const [current] = await this.#change((keys) => (isOld(keys) ? [made, ...keys] : keys));
    return current?.kid === made.kid;
  }

  /** Where there is none, makes one first. Drops those that no token can need any more. */
  async #change(edit: (keys: readonly StoredKey[]) => readonly StoredKey[]): Promise<readonly StoredKey[]> {
    const changed = await this.#ring.change(async (current) => {
      const edited = edit(current === undefined ? [] : decode(current));
      const keys = edited.length === 0 ? [await this.#make()] : edited.toSorted((a, b) => b.created_at - a.created_at);
      return Buffer.from(JSON.stringify({ keys: keys.filter((_, place) => this.#isAlive(keys[place - 1])) }));
    });
    return decode(changed);
  }

  #isAlive(successor: StoredKey | undefined): boolean {
    return successor === undefined || this.#now() - successor.created_at < RETIRE_AFTER_MS;
  }

  async #make(): Promise<StoredKey> {
    const { privateKey } = await generateKeyPair("ES256", { extractable: true });
    const jwk = await exportJWK(privateKey);
    return storedKey.parse({ ...jwk, kid: await calculateJwkThumbprint(jwk), created_at: this.#now() });
  }
}

function decode(stored: Buffer): readonly StoredKey[] {
  return storedKeys.parse(JSON.parse(stored.toString("utf8"))).keys;
}

async function readKeyFile(path: string): Promise<readonly StoredKey[] | undefined> {
  try {
    const { mode } = await stat(path);
    if ((mode & 0o007) !== 0) throw new SettingError(`${path} can be read by everyone: chmod 600 it`);
    return decode(await readFile(path));
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    // The original errors quote the file, which is secret.
    if (error instanceof SyntaxError || error instanceof z.ZodError) {
      throw new SettingError(`${path} is damaged: restore it, or move it away to go on without its keys`);
    }
    throw error;
  }
}

function publicHalf({ kty, crv, x, y, kid }: StoredKey): JWK {
  return { kty, crv, x, y, kid, alg: "ES256", use: "sig" };
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

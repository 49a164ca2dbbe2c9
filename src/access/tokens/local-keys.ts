// The signing keys of the local issuer, in a file of the data directory that only its owner can read.
import { randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JSONWebKeySet, type JWK } from "jose";
import { z } from "zod";
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

/** A private key. The file has the newest first: that one signs, all verify. */
export type StoredKey = z.infer<typeof storedKey>;

/** Reads and rotates the file. Several processes may use it at once, such as a server and the command line. */
export class LocalKeys {
  readonly path: string;
  readonly #now: () => number;

  constructor(dataDirectory: string, now: () => number = Date.now) {
    this.path = join(dataDirectory, "issuer.json");
    this.#now = now;
  }

  /** Returns all keys; creates the first one. Throws if other users can read the file. */
  async all(): Promise<readonly StoredKey[]> {
    const stored = await this.#read();
    if (stored !== undefined) return stored;
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const draft = await this.#write([await this.#make()]);
    try {
      // Unlike rename, link does not replace: if two processes start at once, one creates the key and both use it.
      await link(draft, this.path);
    } catch (error) {
      if (!isCode(error, "EEXIST")) throw error;
    } finally {
      await rm(draft, { force: true });
    }
    const made = await this.#read();
    if (made === undefined) throw new Error(`${this.path} vanished while it was made`);
    return made;
  }

  /** The public keys, for `/.well-known/jwks.json`. */
  async publicKeys(): Promise<JSONWebKeySet> {
    return { keys: (await this.all()).map(publicHalf) };
  }

  /** Creates a key, which signs from now on. Older ones verify until `RETIRE_AFTER_MS` after their successor. */
  async rotate(): Promise<void> {
    const keys = [await this.#make(), ...(await this.all())];
    const kept = keys.filter((_, place) => this.#isAlive(keys[place - 1]));
    await rename(await this.#write(kept), this.path);
  }

  /** Rotates if the signing key is older than `ROTATE_AFTER_MS`. Returns whether it did. */
  async rotateWhenOld(): Promise<boolean> {
    const [current] = await this.all();
    if (current === undefined || this.#now() - current.created_at < ROTATE_AFTER_MS) return false;
    await this.rotate();
    return true;
  }

  #isAlive(successor: StoredKey | undefined): boolean {
    return successor === undefined || this.#now() - successor.created_at < RETIRE_AFTER_MS;
  }

  async #make(): Promise<StoredKey> {
    const { privateKey } = await generateKeyPair("ES256", { extractable: true });
    const jwk = await exportJWK(privateKey);
    return storedKey.parse({ ...jwk, kid: await calculateJwkThumbprint(jwk), created_at: this.#now() });
  }

  async #read(): Promise<readonly StoredKey[] | undefined> {
    try {
      const { mode } = await stat(this.path);
      if ((mode & 0o007) !== 0) throw new SettingError(`${this.path} can be read by everyone: chmod 600 it`);
      return storedKeys.parse(JSON.parse(await readFile(this.path, "utf8"))).keys;
    } catch (error) {
      if (isCode(error, "ENOENT")) return undefined;
      // The original errors quote the file, which is secret.
      if (error instanceof SyntaxError || error instanceof z.ZodError) {
        throw new SettingError(`${this.path} is damaged: restore it, or move it away to have a new key made`);
      }
      throw error;
    }
  }

  // Written to a temporary file and flushed, so that a crash leaves either the old file or the new one.
  async #write(keys: readonly StoredKey[]): Promise<string> {
    const draft = `${this.path}.${randomUUID()}`;
    const file = await open(draft, "wx", 0o600);
    try {
      await file.writeFile(`${JSON.stringify({ keys }, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    return draft;
  }
}

function publicHalf({ kty, crv, x, y, kid }: StoredKey): JWK {
  return { kty, crv, x, y, kid, alg: "ES256", use: "sig" };
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

// The key that encrypts agents' credentials: from the settings, or created once in the data directory.
import { randomBytes, randomUUID } from "node:crypto";
import { link, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SettingError } from "../../domain/settings/setting-error.ts";

const KEY_BYTES = 32;

/**
 * @param given the key in base64; servers that share a database but not a data directory need the same one
 * @throws SettingError if the file is damaged, or other users can read it
 */
export async function readSealingKey(dataDir: string, given: string | undefined): Promise<Uint8Array> {
  if (given !== undefined) return Buffer.from(given, "base64");
  const path = join(dataDir, "agent.key");
  const stored = await read(path);
  if (stored) return stored;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, randomBytes(KEY_BYTES).toString("base64"), { mode: 0o600, flush: true });
  try {
    // Unlike rename, link does not replace: if two processes start at once, one creates the key and both use it.
    await link(draft, path);
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
  } finally {
    await rm(draft, { force: true });
  }
  const made = await read(path);
  if (made === undefined) throw new Error(`${path} vanished while it was made`);
  return made;
}

/** The key as {@link readSealingKey} would find it; undefined: it would make one. */
export async function findSealingKey(dataDir: string, given: string | undefined): Promise<Uint8Array | undefined> {
  return given === undefined ? await read(join(dataDir, "agent.key")) : Buffer.from(given, "base64");
}

async function read(path: string): Promise<Uint8Array | undefined> {
  const text = await readFile(path, "utf8").catch((error: { code?: string }) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  if (((await stat(path)).mode & 0o077) !== 0) throw new SettingError(`${path} may be read by others: chmod 600 it`);
  const key = Buffer.from(text, "base64");
  if (key.length !== KEY_BYTES) throw new SettingError(`${path} does not hold a key of ${KEY_BYTES} bytes`);
  return key;
}

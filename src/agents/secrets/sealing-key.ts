// The keys that encrypt agents' credentials and webhooks' secrets, which all servers of a database share.
import { randomBytes } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { KeyRing } from "../../domain/secrets/key-ring.ts";
import type { OperatorKeys } from "../../domain/secrets/operator-keys.ts";
import { SettingError } from "../../domain/settings/setting-error.ts";
import { createSealer, type Sealer } from "./sealing.ts";

const KEY_BYTES = 32;
/** How often the ring is read again for a secret that no known key opens, at most, in milliseconds. */
const REFRESH_MS = 1_000;

export interface SealingKeys {
  readonly ring: KeyRing;
  readonly dataDir: string;
  readonly operator: OperatorKeys;
}

/**
 * Opens the ring. Makes the first key, and adds those by which earlier releases encrypted: the operator's, and that of
 * `agent.key` in the data directory. The operator's own never encrypts: who changes it would go on with it.
 *
 * @throws SettingError if the file is damaged or other users can read it, or the operator's key is not that of the ring
 */
export async function openSealer({ ring, dataDir, operator }: SealingKeys): Promise<Sealer> {
  const older = await olderKeys(dataDir, operator);
  const opened = await ring.change(async (current) => {
    const keys = current === undefined ? [] : decode(current);
    const all = merged(keys, older);
    const [first] = all;
    const isOperators = first !== undefined && [operator.current, operator.old].some((key) => key && first.equals(key));
    return encode(first === undefined || isOperators ? [randomBytes(KEY_BYTES), ...all] : all);
  });
  const keys = decode(opened);
  let nextAt = 0;
  // Another server may have added a key of its own.
  const refresh = () => {
    if (performance.now() < nextAt) return;
    nextAt = performance.now() + REFRESH_MS;
    ring
      .read()
      .then((bytes) => bytes && keys.splice(0, keys.length, ...decode(bytes)))
      .catch(() => {});
  };
  return createSealer(keys, refresh);
}

/** All keys that {@link openSealer} would use; changes nothing. Empty: it would make one. */
export async function findSealingKeys({ ring, dataDir, operator }: SealingKeys): Promise<readonly Uint8Array[]> {
  const older = await olderKeys(dataDir, operator);
  const stored = await ring.read();
  return merged(stored === undefined ? [] : decode(stored), older);
}

async function olderKeys(dataDir: string, { current, old }: OperatorKeys): Promise<readonly Buffer[]> {
  const file = await readKeyFile(join(dataDir, "agent.key"));
  return [current, old, file].filter((key) => key !== undefined).map((key) => Buffer.from(key));
}

/** The first encrypts, all decrypt. */
function merged(keys: readonly Buffer[], more: readonly Buffer[]): Buffer[] {
  const all = [...keys];
  for (const key of more) if (!all.some((known) => known.equals(key))) all.push(key);
  return all;
}

function encode(keys: readonly Buffer[]): Buffer {
  return Buffer.concat(keys);
}

function decode(bytes: Buffer): Buffer[] {
  const keys: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += KEY_BYTES) keys.push(bytes.subarray(at, at + KEY_BYTES));
  return keys;
}

async function readKeyFile(path: string): Promise<Uint8Array | undefined> {
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

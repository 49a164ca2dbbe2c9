// The text of an API key, `clq_<tenant>_<id>_<secret>_<checksum>`: how it is made, read and compared.
import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Clock } from "../bounded-cache.ts";
import type { KeyRecord } from "../store-interfaces.ts";

/** 192 bits: beyond guessing, so a plain SHA-256 without salt or stretching is enough to store. */
const SECRET_BYTES = 24;

/** All parts are hexadecimal, so that an operator can read the tenant and the id off a key, and no part holds a "_". */
const FORM = /^clq_([0-9a-f]{32})_([0-9a-f]{32})_([0-9a-f]{48})_([0-9a-f]{8})$/;

/** What the text of a key says. */
export interface ApiKey {
  readonly tenantId: string;
  readonly keyId: string;
  /** The part that only the caller knows. Never stored, never logged. */
  readonly secret: string;
}

/** A fresh secret for a key, with the text to hand out once and the hash to store. */
export interface MadeApiKey {
  readonly keyId: string;
  readonly text: string;
  readonly secretHash: Uint8Array;
}

/** Makes the text of a key for a tenant and a key id, both UUIDs. */
export function makeApiKey(tenantId: string, keyId: string): MadeApiKey {
  const secret = randomBytes(SECRET_BYTES).toString("hex");
  const body = `clq_${tenantId.replaceAll("-", "")}_${keyId.replaceAll("-", "")}_${secret}`;
  return { keyId, text: `${body}_${checksum(body)}`, secretHash: hashSecret(secret) };
}

/**
 * Reads the text of a key; undefined if it cannot be one. The checksum catches typing and copying errors before the
 * database is asked; it protects nothing else.
 */
export function parseApiKey(text: string): ApiKey | undefined {
  const [, tenant = "", id = "", secret = "", sum] = FORM.exec(text) ?? [];
  if (sum === undefined || checksum(text.slice(0, -sum.length - 1)) !== sum) return undefined;
  return { tenantId: toUuid(tenant), keyId: toUuid(id), secret };
}

/** What is stored of a secret. */
export function hashSecret(secret: string): Uint8Array {
  return hash("sha256", secret, "buffer");
}

/** Why a key is refused, or `ok`. */
export type KeyVerdict = "ok" | "wrong_secret" | "revoked" | "expired";

/** Judges a key's record at this moment. Says nothing of the secret. */
export function judgeKey(record: KeyRecord, now: number): KeyVerdict {
  if (record.revokedAt !== undefined) return "revoked";
  return record.expiresAt !== undefined && record.expiresAt <= now ? "expired" : "ok";
}

/**
 * Judges a key and a secret presented for it. Every stored hash is compared, each in constant time, and the secret
 * comes first: who does not know it learns nothing of the key.
 */
export function judgeSecret(record: KeyRecord, secret: string, clock: Clock = Date.now): KeyVerdict {
  const now = clock();
  const presented = hashSecret(secret);
  let verdict: KeyVerdict = "wrong_secret";
  for (const { hash: stored, expiresAt } of record.secrets) {
    if (stored.length !== presented.length || !timingSafeEqual(stored, presented)) continue;
    verdict = expiresAt !== undefined && expiresAt <= now ? "expired" : "ok";
  }
  return verdict === "ok" ? judgeKey(record, now) : verdict;
}

function checksum(body: string): string {
  return crc32(body).toString(16).padStart(8, "0");
}

function toUuid(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

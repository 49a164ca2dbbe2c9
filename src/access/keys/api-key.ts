// API keys as text, `clq_<tenant>_<id>_<secret>_<checksum>`: creating, parsing and comparing them.
import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Clock } from "../bounded-cache.ts";
import type { KeyRecord } from "../store-interfaces.ts";

/** 192 bits cannot be guessed, so storing a plain SHA-256 without salt or stretching is enough. */
const SECRET_BYTES = 24;

/** All parts are hexadecimal, so that an operator can read the tenant and the id, and no part contains a "_". */
const FORM = /^clq_([0-9a-f]{32})_([0-9a-f]{32})_([0-9a-f]{48})_([0-9a-f]{8})$/;

/** A parsed key. */
export interface ApiKey {
  readonly tenantId: string;
  readonly keyId: string;
  /** Known to the caller only. Never stored, never logged. */
  readonly secret: string;
}

/** A new secret for a key: the text to show once and the hash to store. */
export interface MadeApiKey {
  readonly keyId: string;
  readonly text: string;
  readonly secretHash: Uint8Array;
}

/** Creates a secret for a tenant and a key id, both UUIDs. */
export function makeApiKey(tenantId: string, keyId: string): MadeApiKey {
  const secret = randomBytes(SECRET_BYTES).toString("hex");
  const body = `clq_${tenantId.replaceAll("-", "")}_${keyId.replaceAll("-", "")}_${secret}`;
  return { keyId, text: `${body}_${checksum(body)}`, secretHash: hashSecret(secret) };
}

/**
 * Parses a key; undefined if the text is not one. The checksum catches typing and copying errors without a database
 * lookup; it has no security purpose.
 */
export function parseApiKey(text: string): ApiKey | undefined {
  const [, tenant = "", id = "", secret = "", sum] = FORM.exec(text) ?? [];
  if (sum === undefined || checksum(text.slice(0, -sum.length - 1)) !== sum) return undefined;
  return { tenantId: toUuid(tenant), keyId: toUuid(id), secret };
}

/** The stored form of a secret. */
export function hashSecret(secret: string): Uint8Array {
  return hash("sha256", secret, "buffer");
}

/** Why a key is refused, or `ok`. */
export type KeyVerdict = "ok" | "wrong_secret" | "revoked" | "expired";

/** Checks a key's record at a time, without its secret. */
export function judgeKey(record: KeyRecord, now: number): KeyVerdict {
  if (record.revokedAt !== undefined) return "revoked";
  return record.expiresAt !== undefined && record.expiresAt <= now ? "expired" : "ok";
}

/**
 * Checks a key and its secret. Compares all stored hashes, each in constant time. The secret comes first: without it, a
 * caller learns nothing about the key.
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

// Reads public keys: from a JWKS URL, or from a file in JWK, JWKS or PEM.
import { createPublicKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { JSONWebKeySet, JWK } from "jose";

/** The maximum size of a key set, in bytes. */
const MAX_BYTES = 1024 * 1024;
const TIMEOUT_MS = 5_000;

/** Fetches a key set. Does not follow redirects: keys must come from the configured URL. */
export async function fetchKeys(url: string): Promise<JSONWebKeySet> {
  // Imported here because keys are fetched rarely, on many servers never.
  const { createBoundedFetch } = await import("../../outbound/bounded-fetch.ts");
  const bounded = createBoundedFetch({ maxBytes: MAX_BYTES });
  try {
    const headers = { accept: "application/jwk-set+json, application/json" };
    const response = await bounded.fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
    return asKeySet(JSON.parse(await response.text()), url, dropUnusable);
  } finally {
    await bounded.close();
  }
}

/** Reads a key set from a file. */
export async function readKeyFile(path: string): Promise<JSONWebKeySet> {
  const text = (await readFile(path, "utf8")).trim();
  if (text.startsWith("{")) return asKeySet(JSON.parse(text), path, refuseUnusable);
  if (text.includes("PRIVATE KEY")) throw new Error(`${path} holds a private key: give the public one`);
  const blocks = text.match(PEM_BLOCK) ?? [text];
  return { keys: blocks.map(fromPem) };
}

/** During a rotation, a file has the old key and the new one. */
const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;

/** Accepts SPKI, PKCS #1 and X.509 certificates. */
function fromPem(text: string): JWK {
  return createPublicKey(text).export({ format: "jwk" }) as JWK;
}

/** Whether a JWK has secret parts (RFC 7518, 6.2.2, 6.3.2 and 6.4.1). */
function isSecret(key: JWK): boolean {
  return key.kty === "oct" || key.d !== undefined || key.k !== undefined;
}

function asKeySet(json: unknown, from: string, select: (keys: readonly JWK[], from: string) => JWK[]): JSONWebKeySet {
  const keys = isObject(json) && Array.isArray(json.keys) ? json.keys : (certificatesIn(json) ?? [json]);
  const jwks = keys.filter((key): key is JWK => isObject(key) && typeof key.kty === "string");
  if (jwks.length === 0 || (select === refuseUnusable && jwks.length < keys.length)) {
    throw new Error(`${from} holds no JWK and no JWK set`);
  }
  return { keys: select(jwks, from) };
}

/** Certificates by key id, as Google publishes for Firebase. */
function certificatesIn(json: unknown): JWK[] | undefined {
  if (!isObject(json) || Object.keys(json).length === 0) return undefined;
  const certificates = Object.entries(json);
  const arePem = certificates.every(([, text]) => typeof text === "string" && text.startsWith("-----BEGIN CERT"));
  return arePem ? certificates.map(([kid, text]) => ({ ...fromPem(text as string), kid })) : undefined;
}

// An issuer may publish keys for other purposes. A shared secret must never verify a token.
function dropUnusable(keys: readonly JWK[]): JWK[] {
  return keys.filter((key) => !isSecret(key));
}

// In a file of the operator, an unusable key is an error.
function refuseUnusable(keys: readonly JWK[], from: string): JWK[] {
  if (keys.some(isSecret)) throw new Error(`${from} holds a private or shared key: give public ones`);
  return [...keys];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

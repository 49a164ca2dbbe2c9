// Ids that the store makes and recognises.
import { randomInt, randomUUIDv7 } from "node:crypto";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * The latest id of this process. The one thing that is kept here: of what is made in one millisecond ids say the order.
 */
let latest = "";

/**
 * A new UUIDv7 (RFC 9562). In one process each is greater than the one before, also within a millisecond and when the
 * clock steps back (section 6.2, method 2).
 */
export function newId(): string {
  const id = randomUUIDv7();
  latest = id > latest ? id : successorOf(latest);
  return latest;
}

/** The id plus a random step: small beside its 62 random bits, so version and variant stay as they are. */
function successorOf(id: string): string {
  const next = BigInt(`0x${id.replaceAll("-", "")}`) + BigInt(randomInt(1, 2 ** 32));
  const hex = next.toString(16).padStart(32, "0");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** The least id of a millisecond since 1970. */
export function firstIdAt(ms: number): string {
  const hex = Math.max(ms, 0).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/** An id of a millisecond since 1970 whose other bits follow from the first ten of these bytes. */
export function idAt(ms: number, bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  const variant = (8 + (Number.parseInt(hex.slice(3, 4), 16) & 3)).toString(16);
  return `${firstIdAt(ms).slice(0, 14)}7${hex.slice(0, 3)}-${variant}${hex.slice(4, 7)}-${hex.slice(7, 19)}`;
}

/** Several, in the order of their making. */
export function newIds(count: number): string[] {
  return Array.from({ length: count }, newId);
}

/** Whether an id can be one of ours. Callers take ids for opaque: one that cannot be ours is simply not found. */
export function isOurId(id: string): boolean {
  return UUID.test(id);
}

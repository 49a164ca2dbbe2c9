// Ids that the store makes and recognises.
import { randomUUIDv7 } from "node:crypto";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A new UUIDv7 (RFC 9562): its order is that of creation. */
export function newId(): string {
  return randomUUIDv7();
}

/** Several, in the order of their making also where they fall into one millisecond. */
export function newIds(count: number): string[] {
  return Array.from({ length: count }, newId).sort();
}

/** Whether an id can be one of ours. Callers take ids for opaque: one that cannot be ours is simply not found. */
export function isOurId(id: string): boolean {
  return UUID.test(id);
}

/** The smallest UUIDv7 that can be made at a time, in milliseconds since 1970: those made from then on follow it. */
export function firstIdAt(time: number): string {
  const hex = time.toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

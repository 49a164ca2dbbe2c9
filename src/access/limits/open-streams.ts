// Limits of open streams for a caller, and for an address without a credential: each stream uses a socket and memory.

import { DomainError, ErrorReason } from "../../domain/errors.ts";
import type { Principal } from "../../domain/identity/principal.ts";
import { networkOf } from "../../domain/network/network.ts";

/** Open streams in each process; undefined: no limit. */
export interface StreamLimits {
  /** Of one member, with any of its tokens. Default: 1,000. */
  readonly member: number | undefined;
  /** Of one API key, whichever member it acts for. Default: 10,000. */
  readonly key: number | undefined;
  /**
   * Without a credential (health's Watch, reflection) from one client address; an IPv6 /64 counts as one. Default: 100.
   */
  readonly address: number | undefined;
}

export const DEFAULT_STREAM_LIMITS: StreamLimits = { member: 1_000, key: 10_000, address: 100 };

/**
 * Parses `member=1000,key=10000,address=100`, in any order; `key=off` disables one limit, `off` all. Missing limits
 * keep their default; none may stand twice. Throws an Error that names the invalid part.
 */
export function parseStreamLimits(text: string): StreamLimits {
  const limits = { ...DEFAULT_STREAM_LIMITS };
  if (text.trim() === "off") return { member: undefined, key: undefined, address: undefined };
  const seen = new Set<string>();
  for (const part of text.split(",").map((one) => one.trim())) {
    if (part === "") continue;
    const [, name, off, max] = /^(member|key|address)=(?:(off)|(\d{1,9}))$/.exec(part) ?? [];
    if (name === undefined || (off === undefined && Number(max) < 1)) {
      throw new Error(`${JSON.stringify(part)} must be member, key or address, then "=", then off or a number`);
    }
    if (seen.has(name)) throw new Error(`"${name}" must not be repeated`);
    seen.add(name);
    limits[name as keyof StreamLimits] = off === undefined ? Number(max) : undefined;
  }
  return limits;
}

const WHOSE: Readonly<Record<keyof StreamLimits, string>> = {
  member: "this member",
  key: "this API key",
  address: "callers without a credential from this address",
};

export class OpenStreams {
  #limits: StreamLimits;
  readonly #open = new Map<string, number>();

  constructor(limits: StreamLimits) {
    this.#limits = limits;
  }

  /** Applies to streams opened from now on. */
  replaceLimits(limits: StreamLimits): void {
    this.#limits = limits;
  }

  /** Counts a stream until the returned function is called. Throws QUOTA_EXCEEDED over the limit. */
  enter(principal: Principal, address: string): () => void {
    const { kind, key } = countedBy(principal, address);
    const open = this.#open.get(key) ?? 0;
    const max = this.#limits[kind];
    if (max !== undefined && open >= max) throw tooMany(kind, max);
    this.#open.set(key, open + 1);
    return () => {
      const left = (this.#open.get(key) ?? 1) - 1;
      if (left > 0) this.#open.set(key, left);
      else this.#open.delete(key);
    };
  }
}

function countedBy(principal: Principal, address: string): { kind: keyof StreamLimits; key: string } {
  switch (principal.kind) {
    case "anonymous":
      return { kind: "address", key: `address ${networkOf(address)}` };
    case "key":
      return principal.client === undefined
        ? { kind: "key", key: `key ${principal.keyId}` }
        : { kind: "member", key: `member ${principal.tenantId}/${principal.memberId}` };
    case "member":
      return { kind: "member", key: `member ${principal.tenantId}/${principal.memberId}` };
  }
}

function tooMany(kind: keyof StreamLimits, max: number): DomainError {
  return new DomainError(
    ErrorReason.QUOTA_EXCEEDED,
    `the limit of ${max} open streams of ${WHOSE[kind]} is reached: close one first`,
    {
      metadata: { limit: `streams.${kind}` },
      quota: { subject: `streams.${kind}`, description: `at most ${max} open streams of ${WHOSE[kind]}` },
    },
  );
}

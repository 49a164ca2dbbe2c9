// What a call has seen of the database: which replicas may answer it.

/** The header by which a caller sends back what its last response told it. */
export const POSITION_HEADER = "colloquy-position";
/** Nothing but the newest will do: what a caller that has written, or that does not know, has seen. */
export const LATEST = "latest";

/** A place in the write-ahead log of a database. */
export interface Position {
  /** Names a history: after a failover or a restore there is another one, with other contents at the same places. */
  readonly branch: string;
  /** Bytes from the beginning of the log. */
  readonly lsn: bigint;
}

const FORMAT = /^([0-9a-f]{16})-([0-9a-f]{16})$/;

/** Undefined: {@link LATEST}, or text of another release, which means the same. */
export function parsePosition(text: string): Position | undefined {
  const [, branch, lsn] = FORMAT.exec(text) ?? [];
  return branch === undefined ? undefined : { branch, lsn: BigInt(`0x${lsn}`) };
}

/** Of one branch, a later position is a later text. */
export function formatPosition({ branch, lsn }: Position): string {
  return `${branch}-${lsn.toString(16).padStart(16, "0")}`;
}

/** What a caller has seen that was told nothing, for {@link POSITION_HEADER}: what it sent. */
export function unmoved(header: string | undefined): string {
  const position = header === undefined ? undefined : parsePosition(header);
  return position === undefined ? LATEST : formatPosition(position);
}

/** A call that may be answered by replicas, and what it has seen so far. */
export class Reading {
  #seen: Position | undefined;
  /** Whether it has seen what no position tells. */
  #lost = false;
  #primaryOnly = false;
  #fromReplica = false;

  /** @param header what the caller sent: what it has seen before */
  constructor(header: string) {
    this.#seen = parsePosition(header);
  }

  /** What a replica must have. Undefined: only the primary will do. */
  get needed(): Position | undefined {
    return this.#lost || this.#primaryOnly ? undefined : this.#seen;
  }

  /** Whether a part of it came from a replica. */
  get fromReplica(): boolean {
    return this.#fromReplica;
  }

  /** Rows were read of a server that had at most this position. Undefined: that is not known. */
  saw(position: Position | undefined, fromReplica = false): void {
    if (fromReplica) this.#fromReplica = true;
    if (position === undefined) this.#lost = true;
    else if (this.#seen?.branch !== position.branch || this.#seen.lsn < position.lsn) this.#seen = position;
  }

  /** It wrote, or read what no position tells: the caller's next call needs the newest. */
  lose(): void {
    this.#lost = true;
  }

  /** From now on it reads the primary alone. */
  askPrimary(): void {
    this.#primaryOnly = true;
    this.#fromReplica = false;
  }

  /** For {@link POSITION_HEADER} of the response. */
  toString(): string {
    return this.#lost || this.#seen === undefined ? LATEST : formatPosition(this.#seen);
  }
}

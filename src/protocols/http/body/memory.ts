// Limits the memory of request bodies while they are received and processed: for one connection, and for all together.
import { DomainError, ErrorReason } from "../../../domain/errors.ts";

export interface BodyMemoryLimits {
  /** Bytes that the bodies of one connection may hold; past it only the oldest of them is read. Default: 16 MiB. */
  readonly maxBodyBytes: number;
  /** Bytes that all bodies together may hold. Default: 64 MiB. */
  readonly maxBodyTotalBytes: number;
  /** What may come of a body that is not read, in bytes. Default: 256 KiB. */
  readonly streamWindowBytes: number;
}

export const DEFAULT_BODY_MEMORY: BodyMemoryLimits = {
  maxBodyBytes: 16 * 1024 * 1024,
  maxBodyTotalBytes: 64 * 1024 * 1024,
  streamWindowBytes: 256 * 1024,
};

const RETRY_AFTER_MS = 1_000;

/** What waits counts as well; past so many times a connection's limit the next body is refused. */
const MAX_WAITING = 2;

interface Connection {
  held: number;
  /** The oldest first. */
  readonly shares: Set<BodyShare>;
}

/** The bodies of a process. */
export class BodyMemory {
  readonly limits: BodyMemoryLimits;
  #held = 0;
  readonly #connections = new Map<object, Connection>();

  constructor(limits: Partial<BodyMemoryLimits> = {}) {
    this.limits = { ...DEFAULT_BODY_MEMORY, ...limits };
  }

  /** How many bytes all bodies hold now. */
  get held(): number {
    return this.#held;
  }

  /** A place for a body of a connection, whatever object stands for that. */
  open(key: object): BodyShare {
    let connection = this.#connections.get(key);
    if (connection === undefined) {
      connection = { held: 0, shares: new Set() };
      this.#connections.set(key, connection);
    }
    const share = new BodyShare(this, connection, () => {
      if (connection.shares.size === 0) this.#connections.delete(key);
    });
    connection.shares.add(share);
    return share;
  }

  /** Counts what a body holds more, or less. Bodies are refused until all that is held is within the limit. */
  count(connection: Connection, bytes: number): void {
    this.#held += bytes;
    connection.held += bytes;
    while (bytes > 0 && this.#held > this.limits.maxBodyTotalBytes) {
      const newest = this.#heaviest();
      if (newest === undefined) return;
      newest.refuse("too many request bodies are on their way");
    }
  }

  /** The newest body that still comes in, of the connection that holds the most. */
  #heaviest(): BodyShare | undefined {
    let max = -1;
    let found: BodyShare | undefined;
    for (const { held, shares } of this.#connections.values()) {
      if (held <= max) continue;
      const newest = [...shares].findLast(({ isComing }) => isComing);
      if (newest === undefined) continue;
      max = held;
      found = newest;
    }
    return found;
  }
}

/** What one body holds. */
export class BodyShare {
  /** Told once if the body has to make room for others. */
  onRefused: ((error: DomainError) => void) | undefined;
  readonly #memory: BodyMemory;
  readonly #connection: Connection;
  readonly #onReleased: () => void;
  #held = 0;
  /** What its service holds of messages that came before, in bytes. */
  #kept = 0;
  /** Counted for what comes while it waits. */
  #reserved = 0;
  #coming = true;
  #released = false;
  #refused: DomainError | undefined;
  #wake: (() => void) | undefined;

  constructor(memory: BodyMemory, connection: Connection, onReleased: () => void) {
    this.#memory = memory;
    this.#connection = connection;
    this.#onReleased = onReleased;
  }

  /** Whether there may be more of it. */
  get isComing(): boolean {
    return this.#coming;
  }

  /** Whether more of it may be read now. The oldest of a connection always may: so each comes to its end. */
  get mayRead(): boolean {
    const { held, shares } = this.#connection;
    if (held <= this.#memory.limits.maxBodyBytes) return true;
    for (const share of shares) if (share.#coming) return share === this;
    return true;
  }

  /** Counts bytes that it holds more. Throws OVERLOADED if that is too much. */
  charge(bytes: number): void {
    const more = bytes - this.#reserved;
    this.#reserved = 0;
    this.#add(more);
    if (this.#connection.held > MAX_WAITING * this.#memory.limits.maxBodyBytes && !this.mayRead) {
      this.refuse("too many request bodies are on their way on this connection");
    }
    if (this.#refused !== undefined) throw this.#refused;
  }

  /** Calls back once it may be read again. Throws OVERLOADED if too many wait already. */
  wait(wake: () => void): void {
    const { streamWindowBytes } = this.#memory.limits;
    this.charge(streamWindowBytes);
    this.#reserved = streamWindowBytes;
    this.#wake = wake;
  }

  /** All of it is there, as a message. */
  complete(): void {
    this.#coming = false;
    this.#rouse();
  }

  /** Counts what its service holds of what came before. Throws OVERLOADED if that is more than before, and too much. */
  keep(bytes: number): void {
    const more = bytes - this.#kept;
    if (this.#released) return;
    this.#kept = bytes;
    if (more > 0) {
      // What waits is counted already, and counts on.
      const reserved = this.#reserved;
      this.#reserved = 0;
      try {
        this.charge(more);
      } finally {
        this.#reserved = reserved;
      }
    } else if (more < 0) {
      this.#add(more);
      this.#rouse();
    }
  }

  /** It holds nothing more of what has come, but what its service keeps. */
  clear(): void {
    if (this.#held > this.#kept) this.#add(this.#kept - this.#held);
    this.#reserved = 0;
    this.#rouse();
  }

  /** The call is over. */
  release(): void {
    if (this.#released) return;
    this.#coming = false;
    this.#wake = undefined;
    this.#connection.shares.delete(this);
    this.#kept = 0;
    this.clear();
    this.#released = true;
    this.#onReleased();
  }

  refuse(message: string): void {
    this.release();
    this.#refused = new DomainError(ErrorReason.OVERLOADED, message, { retryAfterMs: RETRY_AFTER_MS });
    this.onRefused?.(this.#refused);
  }

  #add(bytes: number): void {
    if (this.#released) return;
    this.#held += bytes;
    this.#memory.count(this.#connection, bytes);
  }

  /** Lets those go on that wait, in the order in which they came. */
  #rouse(): void {
    for (const share of this.#connection.shares) {
      const wake = share.#wake;
      if (wake === undefined || !share.mayRead) continue;
      share.#wake = undefined;
      wake();
    }
  }
}

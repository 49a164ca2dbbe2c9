// Where the bytes of files lie. Which files there are is the database's to say: a store keeps bytes under keys.

/** The place of one file's bytes. */
export interface FileKey {
  readonly tenantId: string;
  readonly id: string;
}

/** Takes the bytes of one file. Exactly one of `commit` and `abort` ends it. */
export interface ByteWriter {
  /**
   * Resolves when there is room for more. The bytes must not change any more. Throws OVERLOADED if the store is full.
   */
  write(chunk: Uint8Array, options?: WriteOptions): Promise<void>;
  /** Makes all that was written durable, and then readable under the key: never a part of it. */
  commit(): Promise<void>;
  /** Forgets it. Never rejects. */
  abort(): Promise<void>;
}

export interface WriteOptions {
  /**
   * Whether nobody reads the chunk once what runs now has ended: then its memory may be freed as soon as it is stored,
   * and is empty after that. The collector, which goes through the whole heap every few MiB of such memory, has less to
   * do. Default: false.
   */
  readonly give?: boolean;
}

/** A stretch of a file. */
export interface ByteRange {
  readonly offset: number;
  /** At least 1, and not past the end. */
  readonly length: number;
}

export interface ReadOptions {
  /**
   * Whether the reader is done with a piece when it asks for the next: then its memory may hold a later one. New memory
   * for each has the collector go through the whole heap every few MiB. Default: false.
   */
  readonly reuse?: boolean;
}

export interface ByteStore {
  /** Begins to store a file. Its key must be new. */
  create(key: FileKey): Promise<ByteWriter>;
  /** The bytes, at the reader's pace, in pieces of at most 256 KiB. Throws if they are not there. */
  read(key: FileKey, range: ByteRange, options?: ReadOptions): AsyncIterable<Uint8Array>;
  /** Whether the bytes are there. Undefined: all servers have the same store. */
  has?(key: FileKey): Promise<boolean>;
  /** Removes the bytes for good. Bytes that are not there are removed already. */
  remove(key: FileKey): Promise<void>;
  /** The keys of everything that was stored before `before`, in no order. */
  list(before: Date): AsyncIterable<FileKey>;
  /** Removes what was begun before `before`, and never ended because its process was. Returns how much. */
  removeUnfinished(before: Date): Promise<number>;
  /** A URL that gives the bytes to whoever has it, for a few minutes. Undefined: they go through this server only. */
  link?(key: FileKey, options: LinkOptions): Promise<string>;
  close(): Promise<void>;
}

/** The headers with which a link gives the bytes. */
export interface LinkOptions {
  readonly contentType: string;
  readonly contentDisposition: string;
}

/** Maximum bytes of one piece that is read. */
export const PIECE_BYTES = 256 * 1024;

// Extracts rows from PostgreSQL's messages before pg creates a string for each field and an event for each row.
import { EventEmitter } from "node:events";
import type { Readable } from "node:stream";
import type { Client, ClientConfig, Connection } from "pg";
import { PreferringClient } from "./prefer-tls.ts";
import { type Column, createRowReader, type ReadRow } from "./row-reader.ts";

/** Receives the rows of the running statement. */
export interface RowSink {
  /** The values of one row, each after its length, are from `start` to `end`. The buffer is reused afterwards. */
  takeRow(bytes: Buffer, start: number, end: number): void;
}

/** A message begins with its type, one byte, and its length, four bytes including themselves (manual, 54.7). */
const HEAD_BYTES = 5;
const DATA_ROW = "D".charCodeAt(0);
/** The number of values precedes the values of a row. */
const COUNT_BYTES = 2;

/** The input of one connection: everything is passed on to pg, except rows for a sink. */
export class RowTap {
  /** The receiver of rows; undefined: pg. */
  sink: RowSink | undefined;
  readonly #pass: (bytes: Buffer) => void;
  readonly #readerFor: ReaderFor;
  /** Row readers of the statements described on this connection, by name. */
  readonly #readers = new Map<string, ReadRow>();
  /** The beginning of an incomplete message, and its minimum length. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #wantedBytes = HEAD_BYTES;

  constructor(pass: (bytes: Buffer) => void, readerFor: ReaderFor) {
    this.#pass = pass;
    this.#readerFor = readerFor;
  }

  /** Stores PostgreSQL's description of a statement's rows. */
  describe(statement: string, columns: readonly Column[]): ReadRow {
    const read = this.#readerFor(columns);
    this.#readers.set(statement, read);
    return read;
  }

  /** The row reader of a statement, if it was described before. */
  readerOf(statement: string): ReadRow | undefined {
    return this.#readers.get(statement);
  }

  receive(chunk: Buffer): void {
    const bytes = this.#withHeld(chunk);
    if (bytes === undefined) return;
    let passed = 0;
    let at = 0;
    while (at + HEAD_BYTES <= bytes.length) {
      const end = at + 1 + bytes.readUInt32BE(at + 1);
      if (end > bytes.length) break;
      if (bytes[at] === DATA_ROW && this.sink !== undefined) {
        // Earlier messages first: they may describe the rows.
        if (passed < at) this.#pass(bytes.subarray(passed, at));
        this.sink.takeRow(bytes, at + HEAD_BYTES + COUNT_BYTES, end);
        passed = end;
      }
      at = end;
    }
    if (at < bytes.length) this.#hold(bytes.subarray(at));
    if (passed < at) this.#pass(bytes.subarray(passed, at));
  }

  #hold(bytes: Buffer): void {
    this.#held.push(bytes);
    this.#heldBytes = bytes.length;
    this.#wantedBytes = bytes.length < HEAD_BYTES ? HEAD_BYTES : 1 + bytes.readUInt32BE(1);
  }

  /** The held bytes followed by the chunk; undefined: the message is still incomplete. */
  #withHeld(chunk: Buffer): Buffer | undefined {
    if (this.#heldBytes === 0) return chunk;
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes < this.#wantedBytes) return undefined;
    const bytes = Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    return bytes;
  }
}

type ReaderFor = (columns: readonly Column[]) => ReadRow;

const taps = new WeakMap<Connection, RowTap>();

/** The tap of a connection that a {@link tappedClient} created. */
export function tapOf(connection: Connection): RowTap | undefined {
  return taps.get(connection);
}

/** The private method of pg in which a connection starts to read. */
interface ReadingConnection extends Connection {
  attachListeners?(stream: Pick<Readable, "on">): void;
}

/** Creates a subclass of pg's client with a tap between socket and parser. Its connections share row readers. */
export function tappedClient(): typeof Client {
  const readerFor = sharedReaders();
  return class TappedClient extends PreferringClient {
    constructor(config?: string | ClientConfig) {
      super(config);
      const { connection } = this as unknown as { readonly connection: ReadingConnection };
      const attach = connection.attachListeners?.bind(connection);
      // If pg no longer has it, queries get rows through pg's own events.
      if (attach === undefined) return;
      connection.attachListeners = (stream) => {
        const others = new EventEmitter();
        attach(others as unknown as Readable);
        const tap = new RowTap((bytes) => others.emit("data", bytes), readerFor);
        taps.set(connection, tap);
        stream.on("data", (chunk: Buffer) => tap.receive(chunk));
        stream.on("end", () => others.emit("end"));
      };
    }
  };
}

/** Statements are few, so this is bounded. */
function sharedReaders(): ReaderFor {
  const readers = new Map<string, ReadRow>();
  return (columns) => {
    const key = columns.map(({ name, dataTypeID }) => `${dataTypeID} ${name}`).join("\n");
    const read = readers.get(key) ?? createRowReader(columns);
    readers.set(key, read);
    return read;
  };
}

// Takes the rows out of what PostgreSQL sends, before pg makes a string of each of their fields and an event of each row.
import { EventEmitter } from "node:events";
import type { Readable } from "node:stream";
import type { Client, ClientConfig, Connection } from "pg";
import { PreferringClient } from "./prefer-tls.ts";
import { type Column, createRowReader, type ReadRow } from "./row-reader.ts";

/** Gets the rows of the statement that runs on a connection. */
export interface RowSink {
  /** The values of one row, each behind its length, stand from `start` to `end`. The bytes are another's afterwards. */
  takeRow(bytes: Buffer, start: number, end: number): void;
}

/** A message's type is one byte, then comes its length in four, which count themselves (manual, 54.7). */
const HEAD_BYTES = 5;
const DATA_ROW = "D".charCodeAt(0);
/** Before the values of a row stands their number. */
const COUNT_BYTES = 2;

/** What one connection receives. All of it goes on to pg, except for the rows of a sink. */
export class RowTap {
  /** Who gets the rows; undefined: pg. */
  sink: RowSink | undefined;
  readonly #pass: (bytes: Buffer) => void;
  readonly #readerFor: ReaderFor;
  /** Of the statements that PostgreSQL has described on this connection, by name. */
  readonly #readers = new Map<string, ReadRow>();
  /** The beginning of a message of which the rest has not come yet, and how long it is at least. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #wantedBytes = HEAD_BYTES;

  constructor(pass: (bytes: Buffer) => void, readerFor: ReaderFor) {
    this.#pass = pass;
    this.#readerFor = readerFor;
  }

  /** Keeps what PostgreSQL says of a statement's rows; it is asked only once. */
  describe(statement: string, columns: readonly Column[]): ReadRow {
    const read = this.#readerFor(columns);
    this.#readers.set(statement, read);
    return read;
  }

  /** How the rows of a statement are read, if they were described before. */
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
        // What came before goes first: it may describe the rows.
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

  /** The chunk behind what is held; undefined: still not a whole message. */
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

/** The tap of a connection, if a {@link tappedClient} made it. */
export function tapOf(connection: Connection): RowTap | undefined {
  return taps.get(connection);
}

/** What this uses of pg beside its documented face: where a connection begins to read what it receives. */
interface ReadingConnection extends Connection {
  attachListeners?(stream: Pick<Readable, "on">): void;
}

/** Makes a class like pg's client, with a tap between socket and parser. All of its connections share the readers. */
export function tappedClient(): typeof Client {
  const readerFor = sharedReaders();
  return class TappedClient extends PreferringClient {
    constructor(config?: string | ClientConfig) {
      super(config);
      const { connection } = this as unknown as { readonly connection: ReadingConnection };
      const attach = connection.attachListeners?.bind(connection);
      // Should pg no longer have it, rows come to their queries through pg's own events.
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

/** Statements are few, so what is kept is bounded. */
function sharedReaders(): ReaderFor {
  const readers = new Map<string, ReadRow>();
  return (columns) => {
    const key = columns.map(({ name, dataTypeID }) => `${dataTypeID} ${name}`).join("\n");
    const read = readers.get(key) ?? createRowReader(columns);
    readers.set(key, read);
    return read;
  };
}

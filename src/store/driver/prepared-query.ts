// Executes a prepared statement (PostgreSQL manual, 54.2.3 "Extended Query"): parsed and described once for each
// connection.
import type { ClientBase, Connection, Submittable } from "pg";
import { prepareValue } from "pg/lib/utils.js";
import { Companion, type Companions } from "./companion.ts";
import { RowBudget } from "./row-budget.ts";
import { type RowSink, type RowTap, tapOf } from "./row-parser.ts";
import { type Column, createRowReader, encodeRow, type ReadRow, type Row } from "./row-reader.ts";
import { isSharded } from "./session.ts";
import type { Statement } from "./statement.ts";
import type { Bytes } from "./value-readers.ts";

/** pg's connection with the private members that its own queries use. */
interface WireConnection extends Connection {
  readonly stream: Connection["stream"] & { cork(): void; uncork(): void };
  /** The texts of named statements that were sent to PostgreSQL. */
  readonly parsedStatements: Record<string, string>;
  readonly submittedNamedStatements: Record<string, string>;
  sync(): void;
  sendCopyFail(message: string): void;
}

/** How connections are used behind a pooler that gives each transaction another session. */
export interface Pooled {
  /** The statement that sets up a transaction. */
  readonly setup: string;
  /** Whether the pooler knows the statements that its clients have prepared. */
  readonly prepares: boolean;
}

const ITSELF: readonly undefined[] = [undefined];

/** The name of {@link Pooled.setup} where it is prepared. */
const SETUP_NAME = "transaction_setup";

/** One execution. pg's client passes PostgreSQL's messages to the `handle…` methods, in order. */
export class PreparedQuery implements Submittable, RowSink {
  /** Empty: it is not prepared. */
  name: string;
  text: string;
  readonly #statement: Statement;
  readonly #values: readonly unknown[];
  #rows: Row[] = [];
  #tap: RowTap | undefined;
  #read: ReadRow | undefined;
  readonly #budget: RowBudget | undefined;
  /** Undefined: there is no setup to be sent first. */
  #setup: string | undefined;
  #failure: unknown;
  /** What goes with it, in order: `undefined` stands for itself. */
  readonly #packet: readonly (Companion | undefined)[] | undefined;
  /** Number of statements that are complete; the setup, which is not counted, makes it begin below 0. */
  #complete = 0;
  /** pg calls it instead of the handlers if the connection breaks before the query is sent. */
  callback: (error: unknown, result?: { rows: Row[] }) => void = () => {};

  constructor(statement: Statement, values: readonly unknown[], companions?: Companions) {
    const { name, text, maxBytes, isWeighed } = statement;
    if (companions !== undefined) {
      const make = (companion: Statement | undefined) => (companion ? [new Companion(companion)] : []);
      this.#packet = [...make(companions.before), undefined, ...make(companions.after)];
    }
    this.#budget = maxBytes === undefined ? undefined : new RowBudget(maxBytes, isWeighed);
    this.name = name;
    this.text = text;
    this.#statement = statement;
    this.#values = values;
  }

  /** Executes the statement and returns its rows. `alone`: in no transaction, so it needs a setup of its own. */
  // biome-ignore lint/suspicious/noExplicitAny: the statement says what its rows are
  run(client: ClientBase, pooled?: Pooled, alone = false): Promise<{ readonly rows: any[] }> {
    if (pooled?.prepares === false) this.name = "";
    if (alone) this.#setup = pooled?.setup;
    if (isSharded(client)) this.text = this.#statement.sharded ?? this.text;
    return new Promise((resolve, reject) => {
      this.callback = (error, result) => (result === undefined ? reject(error) : resolve(result));
      client.query(this);
    });
  }

  /** The row of the companion that ran before it, or after it. */
  rowOf(place: "before" | "after"): Row | undefined {
    return this.#packet?.at(place === "before" ? 0 : -1)?.row;
  }

  /** Called by pg when it is this query's turn. A returned error is passed to `handleError`. */
  submit(to: Connection): Error | undefined {
    const connection = to as WireConnection;
    const { name, text } = this;
    const known = sent(connection, name);
    if (known !== undefined && known !== text) return new Error(`the statement ${name} has two texts`);
    let values: (string | Buffer | null)[];
    try {
      values = this.#values.map((value) => prepareValue(value));
    } catch (error) {
      return error as Error;
    }
    const tap = tapOf(connection);
    this.#tap = tap;
    // The rows of a statement are described once for each connection.
    this.#read = known === undefined ? undefined : tap?.readerOf(name);
    if (tap !== undefined) tap.sink = this;
    // All in one packet.
    connection.stream.cork();
    if (this.#setup !== undefined) {
      this.#complete = -1;
      send(connection, { name: name === "" ? "" : SETUP_NAME, text: this.#setup });
    }
    for (const companion of this.#packet ?? ITSELF) {
      if (companion === undefined) send(connection, { name, text }, values, this.#read === undefined);
      else this.#sendCompanion(connection, companion);
    }
    connection.sync();
    connection.stream.uncork();
    return undefined;
  }

  #sendCompanion(connection: WireConnection, companion: Companion): void {
    const { text, ...statement } = companion.statement;
    const name = this.name === "" ? "" : statement.name;
    const isNew = companion.begin(this.#tap, sent(connection, name) !== undefined);
    send(connection, { name, text }, [], isNew);
  }

  /** Whose rows come now; undefined: its own. */
  get #companion(): Companion | undefined {
    return this.#packet?.[this.#complete];
  }

  handleRowDescription({ fields }: { readonly fields: readonly Column[] }): void {
    const companion = this.#companion;
    if (companion !== undefined) {
      companion.describe(this.name === "" ? undefined : this.#tap, fields);
      return;
    }
    const tap = this.name === "" ? undefined : this.#tap;
    this.#read = tap?.describe(this.name, fields) ?? createRowReader(fields);
  }

  takeRow(bytes: Buffer, start: number, end: number): void {
    if (this.#companion !== undefined) {
      this.#companion.take(bytes, start);
      return;
    }
    if (this.#read === undefined || this.#failure !== undefined) return;
    if (this.#budget?.takes(end - start) === false) return;
    try {
      this.#rows.push(this.#read(bytes as Bytes, start));
    } catch (error) {
      this.#failure = error;
    }
  }

  /** Without a tap, pg delivers parsed rows. */
  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    const row = encodeRow(fields);
    this.takeRow(row, 0, row.length);
  }

  handleCommandComplete(): void {
    this.#complete++;
  }

  handleEmptyQuery(): void {}

  handlePortalSuspended(): void {}

  handleCopyInResponse(connection: WireConnection): void {
    connection.sendCopyFail("no statement copies");
  }

  handleCopyData(): void {}

  handleReadyForQuery(): void {
    this.#leaveTap();
    const rows = this.#rows;
    // Released here: a finished query lives until the next full collection, and would keep its rows, 57 KB a page.
    this.#rows = [];
    this.#budget?.note(rows);
    if (this.#failure === undefined) this.callback(undefined, { rows });
    else this.callback(this.#failure);
  }

  handleError(error: unknown): void {
    this.#leaveTap();
    this.callback(error);
  }

  #leaveTap(): void {
    if (this.#tap?.sink === this) this.#tap.sink = undefined;
  }
}

/** The text of a named statement that PostgreSQL has. */
function sent({ parsedStatements, submittedNamedStatements }: WireConnection, name: string): string | undefined {
  return name === "" ? undefined : (parsedStatements[name] ?? submittedNamedStatements[name]);
}

/** Before the Sync, all that is sent is in one transaction. */
function send(
  connection: WireConnection,
  { name, text }: Pick<Statement, "name" | "text">,
  values: (string | Buffer | null)[] = [],
  describes = false,
): void {
  if (sent(connection, name) === undefined) {
    connection.parse({ name, text, types: [] }, true);
    if (name !== "") connection.submittedNamedStatements[name] = text;
  }
  connection.bind({ portal: "", statement: name, values, binary: "" }, true);
  if (describes) connection.describe({ type: "P", name: "" }, true);
  connection.execute({ portal: "", rows: "" }, true);
}

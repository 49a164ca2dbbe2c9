// A prepared statement as it goes to PostgreSQL (manual, 54.2.3 "Extended Query"): parsed and described once for each connection.
import type { ClientBase, Connection, Submittable } from "pg";
import { prepareValue } from "pg/lib/utils.js";
import type { Statement } from "./queryable.ts";
import { VALUE_PARSERS } from "./value-parsers.ts";

/** What a row is made of: pg would ask PostgreSQL for it with every query, and build it anew. */
interface Shape {
  readonly names: readonly string[];
  readonly parsers: readonly ((text: string) => unknown)[];
  /** A row of nulls. */
  readonly empty: Readonly<Record<string, unknown>>;
}

/** pg's connection, with the members that its own queries use. */
interface WireConnection extends Connection {
  readonly stream: Connection["stream"] & { cork(): void; uncork(): void };
  /** The texts of named statements that PostgreSQL has, and of those that are on their way to it. */
  readonly parsedStatements: Record<string, string>;
  readonly submittedNamedStatements: Record<string, string>;
  sync(): void;
  sendCopyFail(message: string): void;
}

interface FieldDescription {
  readonly name: string;
  readonly dataTypeID: number;
}

const shapes = new WeakMap<Connection, Map<string, Shape>>();

/** One execution. pg's client hands the answers of PostgreSQL to its `handle…` methods, in their order. */
export class PreparedQuery implements Submittable {
  readonly name: string;
  readonly text: string;
  readonly #values: readonly unknown[];
  #rows: Record<string, unknown>[] = [];
  #connection: Connection | undefined;
  #shape: Shape | undefined;
  #failure: unknown;
  /** pg calls it in place of the handlers when the connection breaks before the query is sent. */
  callback: (error: unknown, result?: { rows: Record<string, unknown>[] }) => void = () => {};

  constructor({ name, text }: Statement, values: readonly unknown[]) {
    this.name = name;
    this.text = text;
    this.#values = values;
  }

  /** Sends it, and gives its rows. */
  // biome-ignore lint/suspicious/noExplicitAny: the statement says what its rows are
  run(client: ClientBase): Promise<{ readonly rows: any[] }> {
    return new Promise((resolve, reject) => {
      this.callback = (error, result) => (result === undefined ? reject(error) : resolve(result));
      client.query(this);
    });
  }

  /** Called by pg when it is this query's turn. An error that it gives is handed to `handleError`. */
  submit(to: Connection): Error | undefined {
    const connection = to as WireConnection;
    const { name, text } = this;
    const known = connection.parsedStatements[name] ?? connection.submittedNamedStatements[name];
    if (known !== undefined && known !== text) return new Error(`the statement ${name} has two texts`);
    this.#connection = connection;
    this.#shape = known === undefined ? undefined : shapes.get(connection)?.get(name);
    let values: (string | Buffer | null)[];
    try {
      values = this.#values.map((value) => prepareValue(value));
    } catch (error) {
      return error as Error;
    }
    // All in one packet.
    connection.stream.cork();
    if (known === undefined) {
      connection.parse({ name, text, types: [] }, true);
      connection.submittedNamedStatements[name] = text;
    }
    connection.bind({ portal: "", statement: name, values, binary: "" }, true);
    if (this.#shape === undefined) connection.describe({ type: "P", name: "" }, true);
    connection.execute({ portal: "", rows: "" }, true);
    connection.sync();
    connection.stream.uncork();
    return undefined;
  }

  handleRowDescription({ fields }: { readonly fields: readonly FieldDescription[] }): void {
    const names = fields.map((field) => field.name);
    const parsers = fields.map(({ dataTypeID }) => VALUE_PARSERS.getTypeParser(dataTypeID, "text"));
    this.#shape = { names, parsers, empty: Object.fromEntries(names.map((name) => [name, null])) };
    if (this.#connection === undefined) return;
    const known = shapes.get(this.#connection) ?? new Map<string, Shape>();
    shapes.set(this.#connection, known.set(this.name, this.#shape));
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    if (this.#shape === undefined || this.#failure !== undefined) return;
    const { names, parsers, empty } = this.#shape;
    const row = { ...empty };
    try {
      for (let i = 0; i < fields.length; i++) {
        const text = fields[i];
        if (text != null) row[names[i] as string] = parsers[i]?.(text);
      }
    } catch (error) {
      this.#failure = error;
    }
    this.#rows.push(row);
  }

  handleCommandComplete(): void {}

  handleEmptyQuery(): void {}

  handlePortalSuspended(): void {}

  handleCopyInResponse(connection: WireConnection): void {
    connection.sendCopyFail("no statement copies");
  }

  handleCopyData(): void {}

  handleReadyForQuery(): void {
    const rows = this.#rows;
    // Let go of: a query that is over lives on until the next full collection, and would keep its rows, 57 KB a page.
    this.#rows = [];
    if (this.#failure === undefined) this.callback(undefined, { rows });
    else this.callback(this.#failure);
  }

  handleError(error: unknown): void {
    this.callback(error);
  }
}

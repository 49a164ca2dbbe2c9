// PostgreSQL's plan of a statement: how it reads each table, how many rows, and what it sorts.
import pg from "pg";
import type { Statement } from "../../../src/store/database.ts";
import { DEFAULT_TIMEOUTS } from "../../../src/store/driver/pool.ts";
import { sessionSetup, setUpSession } from "../../../src/store/driver/session.ts";

export interface Work {
  /** Every reading of a table, such as `message by message_pkey`; without `by` the whole table was gone through. */
  readonly reads: readonly string[];
  /** Rows of tables that were looked at, kept or not. */
  readonly rows: number;
  /** The most rows that were sorted at once. */
  readonly sorted: number;
}

export interface Explainer extends AsyncDisposable {
  /** Carries out a statement with these values, with the plan that holds for all values, and takes back what it did. */
  explain(statement: Statement, values: readonly unknown[]): Promise<Work>;
}

interface Node {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Rows Removed by Index Recheck"?: number;
  readonly Plans?: readonly Node[];
}

/** Loads a plan as the server's sessions make it. */
export async function openExplainer(url: string): Promise<Explainer> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await setUpSession(client, sessionSetup({ timeouts: DEFAULT_TIMEOUTS }), DEFAULT_TIMEOUTS.connect);
  return {
    async explain({ name, text }, values) {
      await client.query("begin");
      try {
        // Once it is prepared it can be explained under its name; what it did is taken back.
        await client.query({ name, text, values: [...values] });
        await client.query("rollback; begin");
        const places = values.map(literalOf).join(", ");
        const { rows } = await client.query(`explain (analyze, format json) execute ${name}(${places})`);
        return workOf(rows[0]["QUERY PLAN"][0].Plan);
      } finally {
        await client.query("rollback");
      }
    },
    [Symbol.asyncDispose]: () => client.end(),
  };
}

/** Without a type, so that it becomes that of the parameter. */
function literalOf(value: unknown): string {
  if (value === null) return "null";
  if (value instanceof Date) return pg.escapeLiteral(value.toISOString());
  return pg.escapeLiteral(Array.isArray(value) ? `{${value.map(elementOf).join(",")}}` : String(value));
}

function elementOf(value: unknown): string {
  return value === null ? "null" : JSON.stringify(String(value));
}

function workOf(plan: Node): Work {
  const nodes = [...walk(plan)];
  const scans = nodes.filter((node) => node["Node Type"].endsWith("Scan") && readsTable(node));
  return {
    reads: [...new Set(scans.map(readingOf))].toSorted(),
    rows: Math.round(scans.reduce((sum, node) => sum + rowsOf(node), 0)),
    sorted: Math.max(0, ...nodes.filter((node) => node["Node Type"].endsWith("Sort")).map(inputOf)),
  };
}

function* walk(node: Node): Generator<Node> {
  yield node;
  for (const child of node.Plans ?? []) yield* walk(child);
}

/** A bitmap's index has no table of its own name; the scan above it counts. */
function readsTable(node: Node): boolean {
  return node["Relation Name"] !== undefined;
}

function readingOf(node: Node): string {
  const index = node["Index Name"] ?? node.Plans?.find((child) => child["Index Name"])?.["Index Name"];
  return `${node["Relation Name"]}${index === undefined ? "" : ` by ${index}`}`;
}

function rowsOf(node: Node): number {
  const { "Rows Removed by Filter": filtered = 0, "Rows Removed by Index Recheck": rechecked = 0 } = node;
  return (node["Actual Rows"] + filtered + rechecked) * node["Actual Loops"];
}

function inputOf(node: Node): number {
  return node.Plans?.[0]?.["Actual Rows"] ?? 0;
}

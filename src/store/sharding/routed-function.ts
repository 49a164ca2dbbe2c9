// Functions that run on the node of their tenant: what would otherwise be many commands to it is one.
import { createHash } from "node:crypto";

/** A function in PL/pgSQL whose first parameter is the tenant. It is called only where tables are distributed. */
export interface RoutedFunction {
  /** With a hash of what it does: servers of several releases find each their own. */
  readonly name: string;
  /** The statement that creates it, in the schema of the tables. */
  readonly create: string;
  /** Its name and the types of its parameters, as SQL. */
  readonly signature: string;
  /** A statement that calls it with the parameters from `$1`; those that are left out are null. */
  call(passed?: number): string;
}

/** The columns of its rows are named with their types. The body refers to parameters by number. */
export function routedFunction(
  name: string,
  parameters: readonly string[],
  columns: Readonly<Record<string, string>>,
  body: string,
): RoutedFunction {
  const rows = Object.entries(columns).map(([column, type]) => `${column} ${type}`);
  const text = `(${parameters.join(", ")}) returns table (${rows.join(", ")})
  language plpgsql set search_path from current as $function$
  #variable_conflict use_column
  ${body.trim()}
  $function$`;
  const whole = `${name}_${createHash("sha256").update(text).digest("hex").slice(0, 8)}`;
  return {
    name: whole,
    create: `create or replace function ${whole}${text}`,
    signature: `${whole}(${parameters.join(", ")})`,
    call(passed = parameters.length) {
      const values = parameters.map((type, index) => `${index < passed ? `$${index + 1}` : "null"}::${type}`);
      return `select * from ${whole}(${values.join(", ")})`;
    },
  };
}

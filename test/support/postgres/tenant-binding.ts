// Promise R4: parses a statement with PostgreSQL's own parser, and returns its tables that are not bound to one tenant.
import { parse } from "libpg-query";

// The tree is JSON; its types are as large as PostgreSQL's grammar, and a walk needs few of them.
type Tree = { readonly [name: string]: Tree } & readonly Tree[] & (string | number | boolean | undefined);

/** A table at one level of a query, and whether something holds its tenant to one value. */
interface Table {
  readonly name: string;
  readonly alias: string;
  bound: boolean;
}

/** Tables of PostgreSQL, of the migrations, of the servers, and the one that tests of the database make. */
const NOT_OURS = /^(pg_|information_schema|schema_migration$|server_key$|wal_branch$|item$)/;

/** How a row of `tenant` is named: it is the tenant. */
const KEYS: Readonly<Record<string, readonly string[]>> = { tenant: ["id", "slug"] };
const keysOf = (table: string) => KEYS[table] ?? ["tenant_id"];

/**
 * The tables of a statement that no condition holds to one tenant, as `table` or `table alias`. A condition counts if
 * it must be true for every row: `tenant_id` equal to a value, or to the `tenant_id` of a table that is held. Throws
 * for a text that PostgreSQL does not understand.
 */
export async function unboundTables(sql: string): Promise<string[]> {
  const { stmts = [] } = (await parse(sql)) as unknown as { stmts?: { stmt: Tree }[] };
  const found: string[] = [];
  for (const { stmt } of stmts) visitStatement(stmt, { names: new Set(), tables: [] }, found);
  return [...new Set(found)];
}

interface Scope {
  /** Names of common table expressions: what they read was looked at where they stand. */
  readonly names: ReadonlySet<string>;
  /** The tables of the levels around this one, which a subquery may refer to. */
  readonly tables: readonly Table[];
}

function visitStatement(node: Tree, scope: Scope, found: string[]): void {
  const [kind = ""] = Object.keys(node);
  const statement = node[kind] as Tree;
  switch (kind) {
    case "SelectStmt":
    case "UpdateStmt":
    case "DeleteStmt":
    case "InsertStmt":
      visitQuery(kind, statement, scope, found);
      return;
    default:
      // What changes no rows of ours: transactions, settings, tables themselves.
      return;
  }
}

function visitQuery(kind: string, query: Tree, outer: Scope, found: string[]): void {
  const names = new Set(outer.names);
  for (const { CommonTableExpr: expression } of query.withClause?.ctes ?? []) {
    // A recursive one may read itself.
    names.add(String(expression?.ctename));
    if (expression?.ctequery) visitStatement(expression.ctequery, { ...outer, names }, found);
  }
  if (query.larg && query.rarg) {
    visitQuery(kind, query.larg, { ...outer, names }, found);
    visitQuery(kind, query.rarg, { ...outer, names }, found);
    return;
  }
  const tables: Table[] = [];
  const conditions: Tree[] = [];
  const scope: Scope = { names, tables: [...outer.tables, ...tables] };
  const inner: Tree[] = [];
  const from = [...(query.fromClause ?? []), ...(query.usingClause ?? [])];
  for (const item of from) collect(item, names, tables, conditions, inner);
  if (kind === "UpdateStmt" || kind === "DeleteStmt") addTable(query.relation as Tree, names, tables);
  if (query.whereClause) conditions.push(query.whereClause);
  const seen: Scope = { ...scope, tables: [...outer.tables, ...tables] };
  bind(conditions.flatMap(conjuncts), seen.tables);
  for (const { name, alias, bound } of tables) if (!bound) found.push(name === alias ? name : `${name} ${alias}`);
  if (kind === "InsertStmt") checkInsert(query, found);

  // Subqueries, wherever they stand: in the list of results, in conditions, in FROM, as the rows of an INSERT.
  for (const part of inner) visitStatement(part, seen, found);
  const { withClause: _, fromClause: __, usingClause: ___, ...rest } = query as Record<string, Tree>;
  for (const part of Object.values(rest)) visitSubqueries(part, seen, found);
  for (const condition of conditions) if (condition !== query.whereClause) visitSubqueries(condition, seen, found);
}

/** Takes a part of FROM apart: tables, the conditions of inner joins, subqueries. */
function collect(item: Tree, names: ReadonlySet<string>, tables: Table[], conditions: Tree[], inner: Tree[]): void {
  if (item.RangeVar) addTable(item.RangeVar, names, tables);
  else if (item.RangeSubselect?.subquery) inner.push(item.RangeSubselect.subquery);
  else if (item.JoinExpr) {
    const { larg, rarg, quals } = item.JoinExpr;
    if (larg) collect(larg, names, tables, conditions, inner);
    if (rarg) collect(rarg, names, tables, conditions, inner);
    // Also of an outer join: what it adds without a match is a row of NULLs.
    if (quals) conditions.push(quals);
  }
}

function addTable(range: Tree, names: ReadonlySet<string>, tables: Table[]): void {
  const name = String(range.relname);
  if (range.schemaname !== undefined && String(range.schemaname) !== "public") return;
  if (names.has(name) || NOT_OURS.test(name)) return;
  tables.push({ name, alias: String(range.alias?.aliasname ?? name), bound: false });
}

/** The parts of a condition that must all be true. */
function conjuncts(condition: Tree): Tree[] {
  const { BoolExpr: expression } = condition;
  if (expression === undefined) return [condition];
  return String(expression.boolop) === "AND_EXPR" ? (expression.args ?? []).flatMap(conjuncts) : [];
}

function bind(conditions: readonly Tree[], tables: readonly Table[]): void {
  // A table may be held by another that is held only by a later condition: again, until nothing is added.
  for (let added = true; added; ) {
    added = false;
    for (const { A_Expr: expression } of conditions) {
      if (expression === undefined || String(expression.name?.[0]?.String?.sval) !== "=") continue;
      const { lexpr, rexpr } = expression;
      if (lexpr === undefined || rexpr === undefined) continue;
      const sides: readonly (readonly [key: Tree, value: Tree])[] = [
        [lexpr, rexpr],
        [rexpr, lexpr],
      ];
      for (const [key, value] of sides) {
        const table = tableOf(key, tables);
        if (table === undefined || table.bound || !isHeld(value, tables)) continue;
        table.bound = true;
        added = true;
      }
    }
  }
}

/** The table whose tenant a column names, if it does. */
function tableOf(expression: Tree, tables: readonly Table[]): Table | undefined {
  const fields = (expression.ColumnRef?.fields ?? []).map((field) => String(field.String?.sval));
  const column = fields.at(-1) ?? "";
  const candidates = tables.filter(({ name, alias }) => {
    return keysOf(name).includes(column) && (fields.length === 1 || fields.at(-2) === alias);
  });
  // Without a qualifier it must be clear; the innermost level comes last.
  return fields.length === 1 && candidates.length > 1 ? undefined : candidates.at(-1);
}

/** A value that is one for the whole statement: a parameter, a constant, or the tenant of a table that is held. */
function isHeld(value: Tree, tables: readonly Table[]): boolean {
  if (value.TypeCast?.arg) return isHeld(value.TypeCast.arg, tables);
  if (value.ParamRef || value.A_Const) return true;
  return tableOf(value, tables)?.bound === true;
}

/** Rows that are added say their tenant: by a parameter, or by what was selected under a tenant. */
function checkInsert(query: Tree, found: string[]): void {
  const table = String(query.relation?.relname);
  if (NOT_OURS.test(table)) return;
  const [key = ""] = keysOf(table);
  const columns = (query.cols ?? []).map(({ ResTarget: target }) => String(target?.name));
  const place = columns.indexOf(key);
  const select = query.selectStmt?.SelectStmt;
  const rows = select?.valuesLists?.map(({ List: list }) => list?.items?.[place]) ?? [
    select?.targetList?.[place]?.ResTarget?.val,
  ];
  const said =
    place !== -1 && rows.every((value) => value !== undefined && (isHeld(value, []) || isTenantColumn(value)));
  if (!said) found.push(`insert into ${table}`);
}

function isTenantColumn(value: Tree): boolean {
  return String(value.ColumnRef?.fields?.at(-1)?.String?.sval) === "tenant_id";
}

function visitSubqueries(node: Tree, scope: Scope, found: string[]): void {
  if (typeof node !== "object" || node === null) return;
  if (Array.isArray(node)) {
    for (const item of node as readonly Tree[]) visitSubqueries(item, scope, found);
    return;
  }
  for (const [name, value] of Object.entries(node)) {
    if (name === "SelectStmt") visitQuery(name, value as Tree, scope, found);
    else visitSubqueries(value as Tree, scope, found);
  }
}

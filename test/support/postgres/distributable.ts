// What Citus refuses in statements that change distributed tables, read from PostgreSQL's own parse of them.
import { parse } from "libpg-query";
import { administer } from "./postgres.ts";

// The tree is JSON; its types are as large as PostgreSQL's grammar, and a walk needs few of them.
type Tree = { readonly [name: string]: Tree } & readonly Tree[] & (string | number | boolean | undefined);

/** Functions that are not immutable, by name and number of arguments; and keys by which rows go with others. */
export interface Volatility {
  /** Tables whose rows go with one of this table, and with those. */
  goneWith(table: string): ReadonlySet<string>;
  of(name: string, count: number): "volatile" | "stable" | "immutable";
}

/**
 * Of PostgreSQL's functions and those of the tables' schema. Of several forms of a name, the least stable counts; none of a
 * time without a date, which no table has.
 */
export async function volatilityAt(url: string): Promise<Volatility> {
  const rows = await administer(
    url,
    `select p.proname as name, p.pronargs - p.pronargdefaults as least, p.pronargs as most, p.provariadic <> 0 as any,
       p.provolatile as kind
     from pg_proc p where p.provolatile <> 'i' and not 'timetz'::regtype = any (p.proargtypes)`,
  );
  const byName = Map.groupBy(rows, (row) => String(row.name));
  const keys = await administer(
    url,
    `select c.confrelid::regclass::text as "table", c.conrelid::regclass::text as goes from pg_constraint c
     where c.contype = 'f' and c.confdeltype = 'c'`,
  );
  const goneWith = (table: string): Set<string> => {
    const direct = keys.filter((key) => key.table === table).map(({ goes }) => String(goes));
    return new Set(direct.flatMap((goes) => [goes, ...goneWith(goes)]));
  };
  return {
    goneWith,
    of(name, count) {
      const fitting = (byName.get(name) ?? []).filter(
        ({ least, most, any }) => Number(least) <= count && (any === true || count <= Number(most)),
      );
      if (fitting.some(({ kind }) => kind === "v")) return "volatile";
      return fitting.length > 0 ? "stable" : "immutable";
    },
  };
}

/** Columns by which rows are distributed. */
const KEYS: Readonly<Record<string, string>> = { tenant: "id" };

/** What Citus refuses in a statement, one line each. Empty: it takes it. Throws for a text that is not SQL. */
export async function undistributable(sql: string, volatility: Volatility): Promise<string[]> {
  const { stmts = [] } = (await parse(sql)) as unknown as { stmts?: Tree };
  const found = new Set<string>();
  for (const { stmt } of (stmts as Tree).values())
    checkOrder(stmt as Tree, volatility, (problem) => found.add(problem));
  for (const [kind, node] of nodesOf(stmts as Tree)) {
    const on = String(node.relation?.relname);
    const say = (problem: string) => found.add(`${on}: ${problem}`);
    if (kind === "UpdateStmt" || kind === "DeleteStmt") checkChange(node, volatility, say);
    else if (kind === "InsertStmt") checkConflict(node.onConflictClause, volatility, say);
    else continue;
    const changed = [
      ...(node.onConflictClause?.targetList ?? []),
      ...((kind === "UpdateStmt" && node.targetList) || []),
    ];
    if (changed.some(({ ResTarget: target }) => String(target?.name) === (KEYS[on] ?? "tenant_id")))
      say("the column by which rows are distributed is changed");
    if (unstable(node.returningClause, volatility).length > 0) say("RETURNING is not immutable");
  }
  return [...found];
}

/** An UPDATE or DELETE is sent to a node once its functions of no column have been replaced by their values. */
function checkChange(node: Tree, volatility: Volatility, say: (problem: string) => void): void {
  const parts = [node.targetList, node.whereClause].filter((part) => part !== undefined);
  for (const { kind, node: call } of parts.flatMap((part) => unstable(part, volatility))) {
    if (kind === "volatile") say("a function is volatile");
    else if (hasColumn(call)) say("a function of a column is not immutable");
  }
  for (const [kind, branch] of parts.flatMap((part) => [...nodesOf(part)])) {
    if ((kind === "CaseExpr" || kind === "CoalesceExpr") && unstable(branch, volatility).length > 0)
      say("CASE or COALESCE is not immutable");
  }
}

/** Its parts run one after the other, so that a later one does not find what an earlier one has deleted. */
function checkOrder(stmt: Tree, volatility: Volatility, say: (problem: string) => void): void {
  const [statement] = Object.values(stmt) as unknown as [{ readonly withClause?: Tree }];
  const { withClause, ...rest } = statement;
  const parts = [...(withClause?.ctes ?? []), rest];
  const gone = new Set<string>();
  for (const part of parts) {
    for (const [kind, { relname }] of nodesOf({ part } as unknown as Tree))
      if (kind === "RangeVar" && gone.has(String(relname))) say(`${String(relname)}: read after its rows are gone`);
    for (const [kind, { relation }] of nodesOf({ part } as unknown as Tree)) {
      if (kind !== "DeleteStmt") continue;
      const table = String(relation?.relname);
      for (const one of [table, ...volatility.goneWith(table)]) gone.add(one);
    }
  }
}

function checkConflict(on: Tree | undefined, volatility: Volatility, say: (problem: string) => void): void {
  for (const part of [on?.targetList, on?.whereClause])
    if (unstable(part, volatility).length > 0) say("DO UPDATE is not immutable");
}

/** Calls and operators that are not immutable. */
function unstable(part: Tree | undefined, volatility: Volatility): { kind: "volatile" | "stable"; node: Tree }[] {
  if (part === undefined) return [];
  return [...nodesOf(part)].flatMap(([name, node]) => {
    if (name === "SQLValueFunction") return [{ kind: "stable", node } as const];
    if (name === "A_Expr" && movesTime(node)) return [{ kind: "stable", node } as const];
    if (name !== "FuncCall") return [];
    const kind = volatility.of(String(node.funcname?.at(-1)?.String?.sval), node.args?.length ?? 0);
    return kind === "immutable" ? [] : [{ kind, node }];
  });
}

/** A time and an interval: days and months depend on the time zone. Two intervals do not, nor a time at a zone. */
function movesTime({ name, lexpr, rexpr }: Tree): boolean {
  const isSum = ["+", "-"].includes(String(name?.[0]?.String?.sval));
  if (!isSum || lexpr === undefined || rexpr === undefined) return false;
  return isInterval(lexpr) !== isInterval(rexpr) && !isAtZone(isInterval(lexpr) ? rexpr : lexpr);
}

/** All columns are timestamptz, so `at time zone` makes a timestamp of one. */
function isAtZone({ FuncCall: call }: Tree): boolean {
  return String(call?.funcname?.at(-1)?.String?.sval) === "timezone" && call?.args?.[1]?.ColumnRef !== undefined;
}

function isInterval(node: Tree): boolean {
  if (node.TypeCast) return String(node.TypeCast.typeName?.names?.at(-1)?.String?.sval) === "interval";
  if (node.FuncCall) return String(node.FuncCall.funcname?.at(-1)?.String?.sval) === "make_interval";
  const { lexpr, rexpr } = node.A_Expr ?? ({} as Tree);
  return [lexpr, rexpr].some((side) => side !== undefined && isInterval(side)) && !movesTime(node.A_Expr as Tree);
}

function hasColumn(part: Tree): boolean {
  return [...nodesOf(part)].some(([name]) => name === "ColumnRef");
}

/** Every node below, with its kind. */
function* nodesOf(part: Tree): Generator<readonly [kind: string, node: Tree]> {
  if (typeof part !== "object" || part === null) return;
  for (const [name, value] of Object.entries(part) as [string, Tree][]) {
    if (/^[A-Z]/.test(name)) yield [name, value];
    yield* nodesOf(value);
  }
}

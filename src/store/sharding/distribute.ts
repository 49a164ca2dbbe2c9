// Distributes the tables over the nodes of a Citus cluster: all rows of a tenant are on one node.
import { SettingError } from "../../domain/settings/setting-error.ts";
import type { Queryable, Statement } from "../database.ts";
import { sendFunctions } from "../log/send-function.ts";
import { sendManyFunctions } from "../messages/send-many-function.ts";
import { reactionFunctions } from "../reactions/functions.ts";
import type { RoutedFunction } from "./routed-function.ts";

/** Those that the statements call. */
const FUNCTIONS = [sendFunctions, sendManyFunctions, reactionFunctions.add, reactionFunctions.remove].flatMap((kinds) =>
  Object.values(kinds),
);

/** The first whose functions run on the node of their tenant, and whose nodes all know where rows are. */
const OLDEST_CITUS = 12;

const extension: Statement<{ version: string }> = {
  name: "sharding_extension",
  text: "select e.extversion as version from pg_catalog.pg_extension e where e.extname = 'citus'",
};

/** Tables that are not distributed yet. */
const LOCAL = `select c.oid::regclass as relation, c.relname as name from pg_catalog.pg_class c
    where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r'
      and (c.relname in ('tenant', 'server_key') or exists (
        select from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id'))
      and not exists (select from pg_catalog.pg_dist_partition p where p.logicalrelid = c.oid)`;

const localTables: Statement<{ name: string }> = {
  name: "sharding_local",
  text: `select l.name from (${LOCAL}) l order by l.name`,
};

/** Which functions there are. $1 names. */
const madeFunctions: Statement<{ name: string }> = {
  name: "sharding_functions",
  text: `
  select p.proname as name from pg_catalog.pg_proc p
  where p.pronamespace = current_schema()::regnamespace and p.proname = any($1::text[])`,
};

interface ClusterRow {
  readonly is_worker: boolean;
  /** Whether no table is distributed yet. */
  readonly is_local: boolean;
  /** That take rows. */
  readonly nodes: bigint;
  readonly copies: string;
  readonly reads: string;
  readonly servers: bigint;
}

const cluster: Statement<ClusterRow> = {
  name: "sharding_cluster",
  text: `
  select (select g.groupid <> 0 from pg_catalog.pg_dist_local_group g) as is_worker,
    to_regclass('tenant_slug') is null as is_local,
    (select count(*) from pg_catalog.pg_dist_node n where n.isactive and n.shouldhaveshards) as nodes,
    current_setting('citus.shard_replication_factor') as copies, current_setting('citus.use_secondary_nodes') as reads,
    (select count(*) from pg_catalog.pg_stat_activity s where s.datname = current_database()
      and s.application_name in ('colloquy hints', 'colloquy presence')) as servers`,
};

/**
 * In this order, because Citus refuses a key between a distributed table and one that is not. The column of slugs cannot be
 * unique over the nodes: a table of slugs, which every node has, makes them so, and finds a tenant.
 */
const DISTRIBUTE = `do $$
  declare
    relations regclass[] := (select array_agg(l.relation order by l.name <> 'tenant', l.name) from (${LOCAL}) l);
    relation regclass;
    keys text[];
    key text;
  begin
    for relation, key in select c.conrelid::regclass, c.conname from pg_constraint c
      where c.contype = 'f' and (c.conrelid = any(relations) or c.confrelid = any(relations))
    loop
      keys := keys || (select format('alter table %s add constraint %I %s', relation, c.conname, pg_get_constraintdef(c.oid))
        from pg_constraint c where c.conrelid = relation and c.conname = key);
    end loop;
    for relation, key in select c.conrelid::regclass, c.conname from pg_constraint c
      where c.contype = 'f' and (c.conrelid = any(relations) or c.confrelid = any(relations))
    loop
      execute format('alter table %s drop constraint %I', relation, key);
    end loop;
    -- What they keep right is not read where tables are distributed.
    for relation, key in select t.tgrelid::regclass, t.tgname from pg_trigger t
      where not t.tgisinternal and t.tgrelid = any(relations)
    loop
      execute format('drop trigger %I on %s', key, relation);
    end loop;
    if to_regclass('tenant_slug') is null then
      create table tenant_slug (slug text not null primary key, tenant_id uuid not null);
      insert into tenant_slug (slug, tenant_id) select t.slug, t.id from tenant t;
      alter table tenant drop constraint tenant_slug_key;
      perform create_reference_table('tenant_slug');
    end if;
    foreach relation in array coalesce(relations, '{}') loop
      if relation = 'server_key'::regclass then
        perform create_reference_table(relation);
      elsif relation = 'tenant'::regclass then
        perform create_distributed_table(relation, 'id', colocate_with => 'none');
      else
        perform create_distributed_table(relation, 'tenant_id', colocate_with => 'tenant');
      end if;
    end loop;
    foreach key in array coalesce(keys, '{}') loop execute key; end loop;
  end $$`;

/** Calls go to the node of the tenant, the first parameter. $1 the signature. */
const routeFunction: Statement = {
  name: "sharding_route",
  text: "select create_distributed_function($1::regprocedure, '$1', colocate_with => 'conversation')",
};

/** Otherwise a transaction that has written to several shards at once cannot make functions. */
const oneByOne: Statement = {
  name: "sharding_one_by_one",
  text: "select set_config('citus.multi_shard_modify_mode', 'sequential', true)",
};

const distributeAll: Statement = { name: "sharding_distribute", text: DISTRIBUTE };

/** Whether this is a database of a Citus cluster. @throws SettingError if its Citus is too old */
async function hasCitus(on: Queryable): Promise<boolean> {
  const [found] = await on.query(extension, []);
  if (found !== undefined && Number.parseInt(found.version, 10) < OLDEST_CITUS) {
    throw refused(
      `Citus ${found.version} is installed, ${OLDEST_CITUS}.0 is the oldest that works: update the extension`,
    );
  }
  return found !== undefined;
}

/** @throws SettingError if this node of a Citus cluster takes no changes of tables */
export async function requireCoordinator(on: Queryable): Promise<void> {
  if (!(await hasCitus(on))) return;
  const [state] = await on.query(cluster, []);
  if (state?.is_worker) throw refused("this is a worker of a Citus cluster: name its coordinator");
}

/** Whether there are nodes for rows: the extension alone makes no cluster. */
async function isCluster(on: Queryable): Promise<boolean> {
  if (!(await hasCitus(on))) return false;
  const [state] = await on.query(cluster, []);
  return state !== undefined && (!state.is_local || state.nodes > 0n);
}

interface Missing {
  readonly tables: readonly string[];
  readonly functions: readonly RoutedFunction[];
}

const NOTHING: Missing = { tables: [], functions: [] };

async function missing(on: Queryable): Promise<Missing> {
  if (!(await isCluster(on))) return NOTHING;
  const tables = (await on.query(localTables, [])).map(({ name }) => name);
  const rows = await on.query(madeFunctions, [FUNCTIONS.map(({ name }) => name)]);
  const made = new Set(rows.map(({ name }) => name));
  return { tables, functions: FUNCTIONS.filter(({ name }) => !made.has(name)) };
}

const namesOf = ({ tables, functions }: Missing) => [
  ...tables.map((name) => `distribution of ${name}`),
  ...functions.map(({ name }) => `function ${name}`),
];

/** What is still to be done by {@link distribute}; nothing where there is no Citus. */
export async function undistributed(on: Queryable): Promise<string[]> {
  return namesOf(await missing(on));
}

/**
 * Distributes what is not yet distributed, with its rows, where the database has Citus. Tables are locked meanwhile.
 *
 * @returns what it has done
 * @throws SettingError if a setting of the cluster cannot work
 */
export async function distribute(on: Queryable): Promise<string[]> {
  const todo = await missing(on);
  if (todo.tables.length + todo.functions.length > 0) await on.query(oneByOne, []);
  if (todo.tables.length > 0) {
    const [state] = await on.query(cluster, []);
    const problem = state && problemOf(state);
    if (problem !== undefined) throw refused(problem);
    await on.query(distributeAll, []);
  }
  for (const { name, create, signature } of todo.functions) {
    await on.query({ name: `sharding_create_${name}`, text: create }, []);
    await on.query(routeFunction, [signature]);
  }
  return namesOf(todo);
}

/** The statements of {@link distribute} after pending migrations, for `psql`; nothing where there is no Citus. */
export async function distributionScript(on: Queryable, pending: boolean): Promise<string[]> {
  const { tables, functions } = await missing(on);
  // Migrations may add tables.
  const hasTables = tables.length > 0 || (pending && (await isCluster(on)));
  if (!hasTables && functions.length === 0) return [];
  return [
    oneByOne.text,
    ...(hasTables ? [DISTRIBUTE] : []),
    ...functions.flatMap(({ create, signature }) => [create, routeFunction.text.replace("$1", `'${signature}'`)]),
  ];
}

function problemOf({ is_local, copies, reads, servers }: ClusterRow): string | undefined {
  if (copies !== "1") {
    return `citus.shard_replication_factor is ${copies}: set it to 1, and copy whole nodes by streaming replication`;
  }
  if (reads === "always") return "citus.use_secondary_nodes is always, which takes no changes: set it to never";
  if (is_local && servers > 0n)
    return "a server is connected, whose statements are planned for tables on one node: stop it first";
  return undefined;
}

function refused(message: string): SettingError {
  return new SettingError(`DATABASE_URL: ${message}`);
}

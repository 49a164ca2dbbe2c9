// Collects the statements that a test run sends, from all its processes, for the check at its end.
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { unboundTables } from "../postgres/tenant-binding.ts";

/** Statements that concern all tenants, by a part of their text: nothing but the names of tenants is in them. */
const ABOUT_ALL_TENANTS = [
  // Which tenants there are, to forget the request ids of one after the other.
  "select t.id from tenant t",
  // Which turns have lost their server, by their ids, to end each in its own tenant.
  "from tenant n join turn t on t.tenant_id = n.id",
  // The tenants whose webhook endpoints a server has to serve; each is then served by itself.
  "from tenant n join webhook_progress p on p.tenant_id = n.id",
  // TenantService.ListTenants; the line above also finds in whose name its page tokens are sealed.
  'from "tenant" as',
  // Which turns their server has left, for another to take over: ids alone, and each is then taken in its own tenant.
  "select t.tenant_id, t.id, t.conversation_id from tenant n join turn t",
  // Which scheduled messages are next: ids and times alone, and each is then sent in its own tenant.
  "from tenant n join scheduled_message s on s.tenant_id = n.id",
  // The tenants whose jobs are due; each is then done in its own tenant.
  "from tenant n join job j on j.tenant_id = n.id",
  // The tenants whose audit log has new entries; each is then sealed by itself.
  "from tenant n join audit a on a.tenant_id = n.id",
  // In which tenants a server says who is here, to renew and to end its leases, and where leases are over: ids and
  // counts alone.
  "from tenant n where l.tenant_id = n.id and l.server",
  "from tenant n join presence_lease l on l.tenant_id = n.id",
  // Migrations, which change the rows of every tenant.
  "update participant p set conversation_time = c.create_time",
  "update participant p set counted = true from conversation c",
  "update turn set options = case when state in",
];

const seen = new Set<string>();

/** Writes down a statement that this process has not sent before. */
export function logStatement(directory: string, text: string): void {
  // MikroORM writes values into the text; those of one kind are one statement.
  const shape = text.replace(/'(?:[^']|'')*'/g, "'x'");
  if (seen.has(shape)) return;
  seen.add(shape);
  mkdirSync(directory, { recursive: true });
  appendFileSync(join(directory, `${process.pid}.jsonl`), `${JSON.stringify(text)}\n`);
}

/** All statements that were written down. */
export function loggedStatements(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const lines = readdirSync(directory).flatMap((name) =>
    readFileSync(join(directory, name), "utf8").trim().split("\n"),
  );
  return [...new Set(lines)].map((line) => JSON.parse(line) as string);
}

/** What in these statements is held to no tenant: a line for each, with the statement. Empty: all is well. */
export async function unboundStatements(statements: readonly string[]): Promise<string[]> {
  const problems: string[] = [];
  for (const text of statements) {
    if (ABOUT_ALL_TENANTS.some((part) => text.replace(/\s+/g, " ").includes(part))) continue;
    if (isForeign(text)) continue;
    const unbound = await unboundTables(text);
    if (unbound.length > 0) problems.push(`${unbound.join(", ")}: ${text.replace(/\s+/g, " ").trim()}`);
  }
  return problems;
}

/** What tests ask on purpose across tenants says so in a comment. */
function isForeign(text: string): boolean {
  return text.includes("/* test */");
}

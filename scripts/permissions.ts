// Writes docs/permissions.md from the table in src/domain/permissions.ts. Usage: npm run permissions [-- --check]
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NEEDS, RULES, type Rule } from "../src/domain/permissions.ts";
import { ROLES } from "../src/domain/principal.ts";

const path = join(import.meta.dirname, "../docs/permissions.md");
const contract = join(import.meta.dirname, "../proto");

/** Whether the contract declares a method, or it is one of everybody's: a rule may stand here before its method. */
function isDeclared(name: string): boolean {
  const [service = "", method = ""] = name.split("/");
  if (!service.startsWith("colloquy.")) return true;
  const folder = join(contract, ...service.split(".").slice(0, -1));
  return readdirSync(folder).some((file) => readFileSync(join(folder, file), "utf8").includes(`rpc ${method}(`));
}

/** The page. */
export function permissionsPage(): string {
  const services = Map.groupBy(
    Object.entries(RULES).filter(([name]) => isDeclared(name)),
    ([name]) => name.slice(0, name.indexOf("/")),
  );
  return [
    "# Who may call what",
    "",
    "Made from `src/domain/permissions.ts` by `npm run permissions`. An API key needs the scope; a member needs one of the",
    "roles; a key that acts for a member needs both. Scopes do not imply each other. The five REST APIs ask what the RPCs",
    "behind them ask.",
    "",
    ...[...services].flatMap(([service, rules]) => [
      `## ${service}`,
      "",
      "| RPC | scope of a key | role of a member | then |",
      "|---|---|---|---|",
      ...rules.map(([name, rule]) => row(name.slice(service.length + 1), rule)),
      "",
    ]),
    "## Then",
    "",
    ...Object.entries(NEEDS).map(([need, text]) => `- **${need}**: ${text}`),
    "",
  ].join("\n");
}

function row(method: string, rule: Rule): string {
  if (rule === "public") return `| ${method} | no credential | no credential | |`;
  const { scope, roles, needs } = rule;
  const scopes = { any: "any", none: "never", read: "`read`", write: "`write`", admin: "`admin`" }[scope];
  const names = roles.length === ROLES.length ? "any" : roles.join(", ");
  return `| ${method} | ${scopes} | ${names} | ${needs === "nothing" ? "" : needs} |`;
}

if (import.meta.main) {
  const page = permissionsPage();
  if (!process.argv.includes("--check")) writeFileSync(path, page);
  else if (readFileSync(path, "utf8") !== page) {
    console.error("docs/permissions.md is stale: npm run permissions");
    process.exitCode = 1;
  }
}

// Deletes each permission check once, on a copy, and sees that a test notices. Takes the better part of an hour.
// Usage: node scripts/delete-checks.ts [--list] [part of a name]
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DescMethod } from "@bufbuild/protobuf";
import { ruleName } from "../src/domain/identity/permissions.ts";
import { ownServices } from "../test/support/servers/contract.ts";

interface Deletion {
  /** `file:line what`. */
  readonly name: string;
  readonly file: string;
  readonly from: number;
  readonly to: number;
  /** What stands there instead. */
  readonly instead: string;
  /** Runs of the tests that may notice, one after the other until one does. */
  readonly tests: readonly (readonly string[])[];
}

const root = join(import.meta.dirname, "..");
const PERMISSIONS = ["test/services/permissions.test.ts"];
const CALLS = [
  "test/services/identity.test.ts",
  "test/services/messages.test.ts",
  "test/services/conversations.test.ts",
];
const TRANSFER = ["test/services/transfer.test.ts"];
const SUBSCRIBE = ["test/services/subscribe.test.ts"];
const SENDS = ["test/unit/store/send-queue.test.ts"];
const COMPAT = ["test/dialects/assistant", "test/dialects/helpdesk", "test/dialects/callcenter"];
const ACCESS = ["test/unit/access"];
const DOMAIN = ["test/unit/domain/identity/permissions.test.ts", "-t", "^(?!docs)"];
const ISOLATION = ["test/fault/isolation.test.ts", "test/fault/credentials.test.ts"];

/** What every credential may call anyway. */
const OPEN = ["WhoAmI", "AssignConversationNumbers"];

const deletions = [
  // A handler's call of a check.
  ...find("src/services", handlerTests, {
    pattern:
      /^ *(?:if \(.*\) )?(?:await )?(?:requireWrite|requireManage|requireAuthor|requireRank|requireScopes|checkOwner)\(.*\);\n/gm,
  }),
  ...find("src/services/turns/follow.ts", [PERMISSIONS], {
    pattern: /requireWrite\(caller, (?=await)/g,
    instead: "((_row) => {})(",
  }),
  // A check of its own, or the one that is called.
  ...find("src/services", [PERMISSIONS, CALLS], {
    pattern: /(?<=^ *if \().*(?=\) \{\n *throw new DomainError\(\s*ErrorReason\.PERMISSION_DENIED)/gm,
    instead: "false",
  }),
  ...find("src/services/directory/grants.ts", [CALLS], { pattern: /(?<=^ *if \().*(?=\) return;)/gm, instead: "true" }),
  ...find("src/domain/identity/visibility.ts", [DOMAIN, PERMISSIONS], {
    pattern: /(?<=^ *return )viewer\.kind === .*(?=;)/gm,
    instead: "true",
  }),
  ...find("src/domain/identity/visibility.ts", [DOMAIN, PERMISSIONS], {
    pattern: /(?<=^ *if \().*(?=\) throw)/gm,
    instead: "false",
  }),
  ...find("src/domain/identity/permissions.ts", [DOMAIN], { pattern: /^ *permit(?:Scope|Role)\(.*\);\n/gm }),
  ...find("src/domain/identity/permissions.ts", [DOMAIN], {
    pattern: /(?<=^ *if \()needed === "none"(?=\) throw)/gm,
    instead: "false",
  }),
  ...find("src/domain/identity/permissions.ts", [DOMAIN], {
    pattern: /(?<=^ *if \().*(?=\) \{\n *throw new DomainError)/gm,
    instead: "false",
  }),
  ...find("src/domain/identity/permissions.ts", [DOMAIN], {
    pattern: /(?<=^ *if \().*(?=\) return;\n *throw)/gm,
    instead: "true",
  }),
  // An RPC's rule.
  ...ownServices.flatMap(({ methods }) => methods.filter(({ name }) => !OPEN.includes(name)).flatMap(withoutRule)),
  // What is visible, in a statement.
  ...find("src/store", [PERMISSIONS, CALLS, ISOLATION], {
    pattern: /\$\{(?:visible|seen)\([\w.]+\)\}/g,
    instead: "($2::text is null or true)",
  }),
  ...find("src/store", [SENDS], {
    pattern: /\$\{visible\(kind, "a\.caller"\)\}/g,
    instead: "(a.caller is null or true)",
  }),
  ...find("src/store", [SENDS, PERMISSIONS], { pattern: /\$\{writable\([^)]*\)\}/g, instead: "true" }),
  // Whose conversations a manager sees.
  ...find("src/store", [PERMISSIONS, CALLS, COMPAT], {
    pattern: /(?<!function )\bwatchedMembers\((?:kind|viewer|list\.viewer)\)/g,
    instead: '"select w.id from member w where w.tenant_id = $1 and ($2::text is null or true)"',
  }),
  // What a subscription looks at again.
  ...find("src/live/followers/follow-log.ts", [SUBSCRIBE], {
    pattern: /^ *if \(entries\.some\(.*ACCESS_CHANGES.*\)\) break;\n/gm,
  }),
  ...find("src/live/followers/follow-log.ts", [SUBSCRIBE], {
    pattern: /(?<=\|\| )Date\.now\(\) - checked >= RECHECK_MS/g,
    instead: "false",
  }),
  ...find("src/live/followers/follow-feed.ts", [SUBSCRIBE], { pattern: /^ *await ask\(\);\n/gm }),
  // What a dialect asks for besides.
  ...find("src/dialects/callcenter/dialect.ts", [["test/dialects/callcenter"]], {
    pattern: /^ *await requireTheirs\(.*\);\n/gm,
  }),
  ...find("src/dialects/shared/act-as-user.ts", [COMPAT], {
    pattern: /(?<=^ *if \().*(?=\)\s*throw denied\()/gm,
    instead: "false",
  }),
  ...find("src/dialects/workorder/dialect.ts", [["test/dialects/workorder"]], {
    pattern: /(?<=^ *if \().*(?=\) throw (?:denied|notFound)\()/gm,
    instead: "false",
  }),
  ...find("src/dialects/assistant/service.ts", [["test/dialects/assistant"]], {
    pattern: /(?<=^ *if \()conversation\?\.ownerId.*(?=\) throw)/gm,
    instead: "false",
  }),
  ...find("src/dialects/helpdesk/service.ts", [["test/dialects/helpdesk"]], {
    pattern: /(?<=^ *if \()!\(await acting.*(?=\) throw)/gm,
    instead: "false",
  }),
  ...find("src/dialects/shared/act-as-user.ts", [COMPAT], {
    pattern: /(?<=return )viewer\.kind === .*(?=;)/g,
    instead: "true",
  }),
  ...find("src/dialects/workorder/dialect.ts", [["test/dialects/workorder"]], {
    pattern: /^ *(?:if \(.*\) )?await requireOwn\(.*\);\n/gm,
  }),
  // A credential's fault.
  ...find("src/access", [ACCESS, ISOLATION], {
    pattern: /(?<=^ *if \().*(?=\) throw (?:denied|refuse|refuseKey|invalid)\()/gm,
    instead: "false",
  }),
  ...find("src/access", [ACCESS, ISOLATION], {
    pattern: /(?<=^ *if \().*(?=\) \{\n *throw (?:denied|refuse|refuseKey|invalid)\()/gm,
    instead: "false",
  }),
  ...find("src/access/keys/api-key.ts", [ACCESS], { pattern: /^ *if \(stored\.length.*continue;\n/gm }),
  ...find("src/access/keys/api-key.ts", [ACCESS], {
    pattern: /(?<=^ *if \()record\.revokedAt.*(?=\) return)/gm,
    instead: "false",
  }),
  ...find("src/access/keys/api-key.ts", [ACCESS], {
    pattern: /\w*\.?expiresAt !== undefined && .*<= now/g,
    instead: "false",
  }),
  ...find("src/access/authenticate.ts", [ACCESS], {
    pattern: /return this\.#inTenant\((.*), request\);/g,
    instead: "return $1;",
  }),
  // The stage of the pipeline.
  ...find("src/pipeline/pipeline-call.ts", [PERMISSIONS], { pattern: /^ *await options\.allow\?\.\(this\);\n/gm }),
  ...find("src/pipeline/pipeline-call.ts", [ISOLATION], {
    pattern: /await options\.authenticate\(this\.#head\)/g,
    instead: '{ kind: "anonymous" } as const',
  }),
];

const wanted = process.argv.slice(2).filter((word) => word !== "--list");
const chosen = deletions.filter(({ name }) => wanted.every((part) => name.includes(part)));
if (process.argv.includes("--list")) console.log(chosen.map(({ name }) => name).join("\n"));
else process.exitCode = deleteEach(chosen);

/** The rows of the method in whose handler a check stands, or all if it stands in a function that several call. */
function handlerTests(_: string, before: string): Deletion["tests"] {
  const handler = /(?<=\n {4})\w+(?=: (?:mutation|showing)\()|(?<=\n {4}async )\w+(?=\()|\n(?:async )?function/g;
  const last = [...before.matchAll(handler)].at(-1)?.[0] ?? "function";
  if (last.includes("function")) return [PERMISSIONS, CALLS];
  return [[...PERMISSIONS, "-t", `/${last.charAt(0).toUpperCase()}${last.slice(1)}`], CALLS, PERMISSIONS];
}

/** Lets every credential call a method. */
function withoutRule(method: DescMethod): Deletion[] {
  const tests = [[...PERMISSIONS, "-t", `${method.parent.name}/${method.name}`]];
  const anyone = '{ scope: "any", role: "lead", withoutTenant: true }';
  return find("src/domain/identity/permissions.ts", method.name.startsWith("Import") ? [...tests, TRANSFER] : tests, {
    pattern: /(?<=^function readRule\(.*\n)/gm,
    instead: `  if (ruleName(method) === "${ruleName(method)}") return ${anyone} as const;\n`,
    called: `the rule of ${ruleName(method)}`,
  });
}

interface Rule {
  readonly pattern: RegExp;
  /** Default: nothing. */
  readonly instead?: string | ((found: string) => string);
  /** What is deleted. Default: the text that is found. */
  readonly called?: string;
}

function find(
  place: string,
  tests: Deletion["tests"] | ((found: string, before: string) => Deletion["tests"]),
  { pattern, instead = "", called }: Rule,
): Deletion[] {
  const files = place.endsWith(".ts")
    ? [place]
    : readdirSync(join(root, place), { recursive: true, encoding: "utf8" }).map((name) => join(place, name));
  return files
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => {
      const text = readFileSync(join(root, file), "utf8");
      return [...text.matchAll(pattern)].flatMap((match): Deletion[] => {
        const [found] = match;
        const line = text.slice(0, match.index).split("\n").length;
        const replaced = typeof instead === "function" ? instead(found) : instead.replace("$1", match[1] ?? "");
        return [
          {
            name: `${file}:${line} ${called ?? found.trim().slice(0, 100)}`,
            file,
            from: match.index,
            to: match.index + found.length,
            instead: replaced,
            tests: typeof tests === "function" ? tests(` ${found.trim()}`, text.slice(0, match.index)) : tests,
          },
        ];
      });
    });
}

function deleteEach(all: readonly Deletion[]): number {
  const copy = mkdtempSync(join(tmpdir(), "colloquy-checks-"));
  try {
    for (const part of [
      "src",
      "test",
      "gen",
      "scripts",
      "docs",
      "proto",
      "package.json",
      "tsconfig.json",
      "vitest.config.ts",
    ]) {
      cpSync(join(root, part), join(copy, part), { recursive: true });
    }
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    // A test that fails anyway notices nothing.
    for (const run of new Set(
      all.flatMap(({ tests }) =>
        tests.map(([file, ...more]) => JSON.stringify(file === PERMISSIONS[0] ? [file] : [file, ...more])),
      ),
    )) {
      if (!passes(copy, JSON.parse(run))) throw new Error(`without any deletion these fail: ${run}`);
    }
    const unnoticed = all.filter((deletion, place) => {
      const noticed = isNoticed(copy, deletion);
      console.log(`${place + 1}/${all.length} ${noticed ? "noticed" : "NOT NOTICED"}: ${deletion.name}`);
      return !noticed;
    });
    console.log(`${all.length} checks deleted, ${unnoticed.length} of them without a test that noticed`);
    return unnoticed.length === 0 ? 0 : 1;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function isNoticed(copy: string, { file, from, to, instead, tests }: Deletion): boolean {
  const path = join(copy, file);
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.slice(0, from) + instead + text.slice(to));
  try {
    return tests.some((run) => !passes(copy, run));
  } finally {
    writeFileSync(path, text);
  }
}

function passes(copy: string, run: readonly string[]): boolean {
  const words = ["run", "--project", "colloquy", "--bail", "1", "--reporter", "dot", ...run];
  return spawnSync("vitest", words, { cwd: copy, stdio: "ignore", timeout: 600_000 }).status === 0;
}

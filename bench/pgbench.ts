// pgbench with Colloquy's own send: the same statement in the same transactions, and no server in between.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { send } from "../src/store/log/statements.ts";
import { HOT, idOf, MEMBER, TENANT } from "./layout.ts";
import type { Rate } from "./load.ts";
import { LOAD_CORES, pinned } from "./process.ts";

const run = promisify(execFile);

/** Where Debian keeps it, or on the path. */
export function findPgbench(): string | undefined {
  const root = "/usr/lib/postgresql";
  const packaged = existsSync(root) ? readdirSync(root).map((version) => join(root, version, "bin/pgbench")) : [];
  const onPath = (process.env.PATH ?? "").split(":").map((directory) => join(directory, "pgbench"));
  return [...packaged, ...onPath].find((path) => existsSync(path));
}

export interface PgbenchOptions {
  readonly program: string;
  readonly url: string;
  readonly directory: string;
  readonly clients: number;
  /** One of so many conversations at random; undefined: always the hot one. */
  readonly conversations: number | undefined;
}

/** Each transaction sends one message. */
export async function pgbench(options: PgbenchOptions, seconds: number): Promise<Rate> {
  const { program, url, directory, clients, conversations } = options;
  mkdirSync(directory, { recursive: true });
  const script = join(directory, conversations === undefined ? "send-hot.sql" : "send.sql");
  writeFileSync(script, scriptOf(conversations));
  const flags = ["-n", "-M", "prepared", "-c", String(clients), "-j", "1", "-T", String(seconds), "-f", script, url];
  const [command = "", ...rest] = pinned([program, ...flags], LOAD_CORES);
  const { stdout } = await run(command, rest);
  const [, transactions] = /transactions actually processed: (\d+)/.exec(stdout) ?? [];
  const [, failed] = /failed transactions: (\d+)/.exec(stdout) ?? [];
  const [, perSecond] = /tps = ([\d.]+)/.exec(stdout) ?? [];
  if (perSecond === undefined) throw new Error(`pgbench said what is not understood:\n${stdout}`);
  return { requests: Number(transactions), perSecond: Number(perSecond), failed: Number(failed ?? 0) };
}

/** The statement with values in place of its parameters; those that change are variables, which pgbench sends apart. */
function scriptOf(conversations: number | undefined): string {
  const prefix = idOf("conversation", 0).slice(0, -11);
  const conversation =
    conversations === undefined ? `'${HOT}'` : `('${prefix}' || lpad(to_hex((:n)::bigint), 11, '0'))`;
  const values = [
    ...[`'${TENANT}'::uuid`, `'${MEMBER}'`, conversation, `'${MEMBER}'`, "array[uuidv7()]", "array[1::smallint]"],
    ...[
      "array['hello from the benchmark']",
      "array[null]::text[]",
      "array[null]::timestamptz[]",
      `'${MEMBER}'`,
      "''",
      "null",
      "null",
    ],
    // Whether only those who take part see it; kinds and parts.
    ...["false", "array[null]::smallint[]", "array[null]::text[]"],
  ];
  const text = send.member.text.replace(/\$(\d+)/g, (_, number: string) => values[Number(number) - 1] ?? "null");
  const pick = conversations === undefined ? "" : `\\set n random(2, ${conversations})\n`;
  return `${pick}${text};
`;
}

// Parses the command line into a command and its options; writes the texts of --help.
import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { packageVersion } from "../config/version.ts";
import { type Command, UsageError } from "./command.ts";

export type Parsed =
  | { readonly kind: "help"; readonly text: string }
  /** The settings in force are asked for. */
  | { readonly kind: "settings" }
  | ParsedCommand;

export interface ParsedCommand {
  readonly kind: "command";
  readonly command: Command;
  readonly options: Readonly<Record<string, unknown>>;
  readonly arguments: readonly string[];
}

/** The name of the installed program; in a clone it is `npm run colloquy --`. */
const PROGRAM = "colloquy";

/** Options without a command. */
const ALONE = new Set(["--help", "-h", "--version", "-v", "--print-config"]);

/** @throws UsageError with the word that is invalid */
export function parseCommandLine(words: readonly string[], commands: readonly Command[]): Parsed {
  const command = findCommand(words, commands);
  if (command === undefined) {
    if (words[0] === "--help" || words[0] === "-h" || words[0] === "help") {
      return { kind: "help", text: helpForAll(commands) };
    }
    if (words[0] === "--version" || words[0] === "-v") return { kind: "help", text: packageVersion() };
    if (words[0] === "--print-config") return { kind: "settings" };
    throw new UsageError(`unknown command "${words[0]}"\n\n${helpForAll(commands)}`);
  }
  const named = words.slice(0, command.name.split(" ").length).join(" ") === command.name;
  const rest = named ? words.slice(command.name.split(" ").length) : words;
  if (rest.includes("--help") || rest.includes("-h")) return { kind: "help", text: helpFor(command) };

  const { values, positionals } = parseOptions(command, rest);
  const names = command.arguments ?? [];
  if (positionals.length < names.length) {
    throw new UsageError(`${command.name}: <${names[positionals.length]}> is missing\n\n${helpFor(command)}`);
  }
  if (positionals.length > names.length) {
    throw new UsageError(`${command.name}: "${positionals[names.length]}" is unexpected\n\n${helpFor(command)}`);
  }
  return { kind: "command", command, options: values, arguments: positionals };
}

/** The command that the words begin with, else the default. */
function findCommand(words: readonly string[], commands: readonly Command[]): Command | undefined {
  const [first, second] = words;
  if (first === undefined || (first.startsWith("-") && !ALONE.has(first))) return commands[0];
  return commands.find(({ name }) => name === first || name === `${first} ${second}`);
}

function parseOptions(command: Command, args: readonly string[]) {
  const options: ParseArgsOptionsConfig = {};
  for (const [name, { help: _, ...option }] of Object.entries(command.options ?? {})) options[name] = option;
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(`${command.name}: ${(error as Error).message}\n\n${helpFor(command)}`);
  }
}

function helpForAll(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    `usage: ${PROGRAM} [command] [options]`,
    "",
    ...commands.map(({ name, summary }, index) => `  ${name.padEnd(width)}  ${summary}${index ? "" : " (default)"}`),
    "",
    `"${PROGRAM} --version" prints the version, "${PROGRAM} <command> --help" the options of a command.`,
    `Settings are environment variables, or in the file that COLLOQUY_CONFIG names: see docs/operations.md.`,
    `"${PROGRAM} --print-config" prints those in force, without secrets.`,
  ].join("\n");
}

function helpFor({ name, summary, arguments: names = [], options = {} }: Command): string {
  const rows = Object.entries(options).map(([option, { type, short, help }]) => {
    const left = `--${option}${type === "string" ? " <value>" : ""}${short ? `, -${short}` : ""}`;
    return [left, help] as const;
  });
  const width = Math.max(0, ...rows.map(([left]) => left.length));
  const usage = [PROGRAM, name, ...names.map((argument) => `<${argument}>`), ...(rows.length > 0 ? ["[options]"] : [])];
  return [
    `usage: ${usage.join(" ")}`,
    "",
    summary,
    ...(rows.length > 0 ? ["", ...rows.map(([left, help]) => `  ${left.padEnd(width)}  ${help}`)] : []),
  ].join("\n");
}

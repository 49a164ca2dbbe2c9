// Where the values of settings come from: the environment, files that it names, and one settings file.
import { accessSync, constants, readFileSync, statSync } from "node:fs";

type Environment = Readonly<Record<string, string | undefined>>;

export type Source = "environment" | "file" | "settings file";

export interface GatheredValue {
  readonly text: string;
  readonly source: Source;
}

export interface Gathered {
  readonly values: ReadonlyMap<string, GatheredValue>;
  /** A line for each problem, without values. */
  readonly problems: readonly string[];
}

const SETTINGS_FILE = "COLLOQUY_CONFIG";
/** The suffix of a variable that names a file with the value of a setting. */
const FILE = "_FILE";
/** A value that fits is a URL, a key or a list; a device that never ends must not be read. */
const MAX_FILE_BYTES = 1024 * 1024;

/**
 * Returns the value of each setting in `names`. The environment takes precedence over the settings file named by
 * COLLOQUY_CONFIG. `NAME_FILE` names a file that holds the value of `NAME`, as secrets are mounted; the line feed at
 * its end is not part of the value. An empty variable counts as unset, unless `mayBeEmpty` has it.
 */
export function gather(environment: Environment, names: readonly string[], mayBeEmpty: ReadonlySet<string>): Gathered {
  const problems: string[] = [];
  const values = new Map<string, GatheredValue>();
  const set = (name: string) => {
    const value = environment[name];
    return value === undefined || (value === "" && !mayBeEmpty.has(name)) ? undefined : value;
  };
  const settingsFile = set(SETTINGS_FILE);
  if (settingsFile !== undefined) {
    for (const [name, text] of readSettingsFile(settingsFile, names, problems)) {
      values.set(name, { text, source: "settings file" });
    }
  }
  for (const name of names) {
    const text = set(name);
    const file = set(name + FILE);
    if (text !== undefined && file !== undefined) {
      problems.push(`${name}: must not be set together with ${name}${FILE}`);
    } else if (text !== undefined) {
      values.set(name, { text, source: "environment" });
    } else if (file !== undefined) {
      const read = readText(file);
      if (read === undefined) problems.push(`${name}${FILE}: must name a file of at most 1 MiB that can be read`);
      else values.set(name, { text: read.replace(/\r?\n$/, ""), source: "file" });
    }
  }
  const known = new Set([SETTINGS_FILE, ...names, ...names.map((name) => name + FILE)]);
  for (const name of Object.keys(environment)) {
    if (name.startsWith("COLLOQUY_") && !known.has(name)) problems.push(notASetting(name, names));
  }
  return { values, problems };
}

function notASetting(name: string, names: readonly string[]): string {
  return `${name}: is not a setting; the settings are ${[...names, SETTINGS_FILE].join(", ")}`;
}

function readText(path: string): string | undefined {
  try {
    const bytes = readFileSync(path);
    // Without a byte order mark, which editors on Windows write.
    return bytes.length > MAX_FILE_BYTES ? undefined : new TextDecoder().decode(bytes);
  } catch {
    return undefined;
  }
}

/** A JSON object with the names of the variables. Lists may be arrays, and issuers JSON as they are. */
function* readSettingsFile(
  path: string,
  names: readonly string[],
  problems: string[],
): Generator<readonly [name: string, text: string]> {
  const json = objectIn(path);
  if (typeof json === "string") {
    problems.push(`${SETTINGS_FILE}: must name a file of at most 1 MiB with a JSON object: ${path} ${json}`);
    return;
  }
  for (const [name, value] of Object.entries(json)) {
    // Editors read there which schema the file follows.
    if (name === "$schema" || value === null) continue;
    if (!names.includes(name)) {
      problems.push(`${path}: ${notASetting(name, names)}`);
      continue;
    }
    const text = textOf(value);
    if (text === undefined) problems.push(`${path}: ${name}: must be a string, a number, an array or an object`);
    else yield [name, text];
  }
}

/** A text says what is wrong. It has nothing of what is in the file. */
function objectIn(path: string): Record<string, unknown> | string {
  const text = readText(path);
  if (text === undefined) return whyNotRead(path);
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && json !== null && !Array.isArray(json)
      ? { ...json }
      : "holds another kind of JSON";
  } catch (error) {
    const [, line, column] = /\(line (\d+) column (\d+)\)/.exec((error as SyntaxError).message) ?? [];
    if (text.trim() === "") return "is empty";
    return `is not JSON: look at ${line === undefined ? "its end" : `line ${line}, column ${column}`}`;
  }
}

function whyNotRead(path: string): string {
  try {
    if (!statSync(path).isFile()) return "is not a file";
    accessSync(path, constants.R_OK);
    return "is too long";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? "does not exist" : `cannot be read (${code})`;
  }
}

/** The value as the variable would have it. */
function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number") return String(value);
  if (typeof value !== "object") return undefined;
  const isList = Array.isArray(value) && value.every((item) => typeof item === "string" || typeof item === "number");
  return isList ? value.join(",") : JSON.stringify(value);
}

import { expect, test } from "vitest";
import { type Command, UsageError } from "../../../src/cli/command.ts";
import { parseCommandLine } from "../../../src/cli/parse.ts";

const load = async () => ({ run: async () => {} });
const serve: Command = { name: "serve", summary: "start the server", load };
const createKey: Command = {
  name: "key create",
  summary: "make an API key",
  arguments: ["tenant"],
  options: {
    scope: { type: "string", multiple: true, short: "s", help: "what it may do" },
    quiet: { type: "boolean", help: "print the key alone" },
  },
  load,
};
const parse = (...words: string[]) => parseCommandLine(words, [serve, createKey]);

test("without a command, the first one runs", () => {
  expect(parse()).toMatchObject({ kind: "command", command: serve, arguments: [] });
});

test("a command of two words takes its arguments and options in any order", () => {
  const expected = {
    kind: "command",
    command: createKey,
    arguments: ["acme"],
    options: { scope: ["read", "write"], quiet: true },
  };
  expect(parse("key", "create", "acme", "--scope", "read", "-s", "write", "--quiet")).toMatchObject(expected);
  expect(parse("key", "create", "--scope=read", "--quiet", "-s", "write", "acme")).toMatchObject(expected);
});

test.each([
  [["nope"], 'unknown command "nope"'],
  [["key"], 'unknown command "key"'],
  [["key", "delete"], 'unknown command "key"'],
  [["serve", "now"], 'serve: "now" is unexpected'],
  [["serve", "--fast"], "serve: Unknown option '--fast'"],
  [["--fast"], "serve: Unknown option '--fast'"],
  [["key", "create"], "key create: <tenant> is missing"],
  [["key", "create", "acme", "--scope"], "key create: Option '-s, --scope <value>' argument missing"],
])("refuses %j and says why", (words, message) => {
  expect(() => parse(...words)).toThrow(UsageError);
  expect(() => parse(...words)).toThrow(message);
});

test.each([[["--help"]], [["-h"]], [["help"]]])("%j lists every command", (words) => {
  expect(parse(...words)).toEqual({
    kind: "help",
    text: `usage: colloquy [command] [options]

  serve       start the server (default)
  key create  make an API key

"colloquy --version" prints the version, "colloquy <command> --help" the options of a command.
Settings are environment variables, or in the file that COLLOQUY_CONFIG names: see docs/operations.md.
"colloquy --print-config" prints those in force, without secrets.`,
  });
});

test.each([[["--version"]], [["-v"]]])("%j gives the version of the package", (words) => {
  expect(parse(...words)).toEqual({ kind: "help", text: expect.stringMatching(/^\d+\.\d+\.\d+/) });
});

test("--help after a command tells its arguments and options", () => {
  expect(parse("key", "create", "--help")).toEqual({
    kind: "help",
    text: `usage: colloquy key create <tenant> [options]

make an API key

  --scope <value>, -s  what it may do
  --quiet              print the key alone`,
  });
});

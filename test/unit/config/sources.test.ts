// Settings from the environment, from files that it names, and from a settings file.
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ConfigError, loadConfig } from "../../../src/config/config.ts";
import { settingsInForce } from "../../../src/config/print.ts";
import { SETTINGS } from "../../../src/config/variables.ts";

const directory = mkdtempSync(join(tmpdir(), "settings-"));

function fileWith(text: string): string {
  const file = join(directory, `${crypto.randomUUID()}.json`);
  writeFileSync(file, text);
  return file;
}

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    loadConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("a settings file", () => {
  const COLLOQUY_CONFIG = fileWith(
    JSON.stringify({
      $schema: "../gen/settings.schema.json",
      PORT: 9000,
      LOG_LEVEL: "warn",
      COLLOQUY_CORS: ["https://a.example", "https://b.example"],
      COLLOQUY_COMPAT: [],
      COLLOQUY_HEARTBEAT: null,
      COLLOQUY_ISSUERS: [
        { issuer: "https://login.example", audience: "us", algorithms: ["RS256"], jwks_url: "https://login.example/k" },
      ],
    }),
  );

  test("has numbers, arrays and objects, as the variables would have them", () => {
    const config = loadConfig({ COLLOQUY_CONFIG });
    expect(config).toMatchObject({ port: 9000, logLevel: "warn", compat: [], heartbeatMs: 15_000 });
    expect(config.cors).toEqual(["https://a.example", "https://b.example"]);
    expect(config.issuers.map(({ issuer }) => issuer)).toEqual(["https://login.example"]);
  });

  test("may begin with a byte order mark, as editors on Windows write it", () => {
    expect(loadConfig({ COLLOQUY_CONFIG: fileWith('\ufeff{"PORT": 9001}') }).port).toBe(9001);
    expect(loadConfig({ LOG_LEVEL_FILE: fileWith("\ufeffwarn\n") }).logLevel).toBe("warn");
  });

  test("yields to the environment, in which an empty variable is unset", () => {
    expect(loadConfig({ COLLOQUY_CONFIG, PORT: "1" }).port).toBe(1);
    expect(loadConfig({ COLLOQUY_CONFIG, PORT: "" }).port).toBe(9000);
    // An empty list is a value.
    expect(loadConfig({ COLLOQUY_CONFIG, COLLOQUY_CORS: "" }).cors).toEqual([]);
  });

  test.each([
    ["", "is empty"],
    ["[]", "holds another kind of JSON"],
    ["null", "holds another kind of JSON"],
    ['"x"', "holds another kind of JSON"],
    ["{", "is not JSON: look at line 1, column 2"],
    ['{\n  "PORT": 1,\n  HOST\n}', "is not JSON: look at line 3, column 3"],
    ['{"PORT": ', "is not JSON: look at its end"],
    ["x".repeat(2 ** 20 + 1), "is too long"],
  ])("that holds %.20j instead of an object stops the start", (text, why) => {
    const file = fileWith(text);
    const rule = "COLLOQUY_CONFIG: must name a file of at most 1 MiB with a JSON object";
    expect(problemsOf({ COLLOQUY_CONFIG: file })).toEqual([`${rule}: ${file} ${why}`]);
    const none = join(directory, "none");
    expect(problemsOf({ COLLOQUY_CONFIG: none })).toEqual([`${rule}: ${none} does not exist`]);
    expect(problemsOf({ COLLOQUY_CONFIG: directory })).toEqual([`${rule}: ${directory} is not a file`]);
  });

  test("is told by name of what is no setting and of values that are none, without the values", () => {
    const file = fileWith('{"COLLOQUY_CONFIG": "x", "port": 1, "PORT": true, "HOST": "secret!"}');
    const problems = problemsOf({ COLLOQUY_CONFIG: file });
    expect(problems).toEqual([
      expect.stringMatching(`^${file}: COLLOQUY_CONFIG: is not a setting; the settings are HOST, `),
      expect.stringMatching(`^${file}: port: is not a setting; `),
      `${file}: PORT: must be a string, a number, an array or an object`,
      `${file}: HOST: must be an IP address or a host name`,
    ]);
    expect(problems.join()).not.toContain("secret!");
  });
});

describe("a variable that ends in _FILE", () => {
  const url = "postgresql://user:password@host/database";

  test("names the file that holds the value, without the line feed at its end", () => {
    expect(loadConfig({ DATABASE_URL_FILE: fileWith(`${url}\n`) }).databaseUrl).toBe(url);
    expect(loadConfig({ DATABASE_URL_FILE: fileWith(`${url}\r\n`) }).databaseUrl).toBe(url);
  });

  test("takes precedence over the settings file", () => {
    const COLLOQUY_CONFIG = fileWith('{"DATABASE_URL": "postgresql://other/one"}');
    expect(loadConfig({ COLLOQUY_CONFIG, DATABASE_URL_FILE: fileWith(url) }).databaseUrl).toBe(url);
  });

  test("is refused beside the variable itself, and where it cannot be read or is too long", () => {
    const both = { DATABASE_URL: url, DATABASE_URL_FILE: fileWith(url) };
    expect(problemsOf(both)).toEqual(["DATABASE_URL: must not be set together with DATABASE_URL_FILE"]);
    const unreadable = ["COLLOQUY_AGENT_KEY_FILE: must name a file of at most 1 MiB that can be read"];
    expect(problemsOf({ COLLOQUY_AGENT_KEY_FILE: join(directory, "none") })).toEqual(unreadable);
    expect(problemsOf({ COLLOQUY_AGENT_KEY_FILE: directory })).toEqual(unreadable);
    expect(problemsOf({ COLLOQUY_AGENT_KEY_FILE: fileWith("x".repeat(2 ** 20 + 1)) })).toEqual(unreadable);
  });

  test("of no setting is none itself", () => {
    expect(problemsOf({ COLLOQUY_X_FILE: "y" })).toEqual([
      expect.stringMatching(/^COLLOQUY_X_FILE: is not a setting;/),
    ]);
  });
});

describe("the settings in force", () => {
  test("are all there, in a form that a settings file can have", () => {
    const settings = settingsInForce({ COLLOQUY_PROFILE: "production", PORT: "1234" });
    expect(Object.keys(settings)).toEqual([...SETTINGS]);
    expect(settings).toMatchObject({ PORT: "1234", HOST: "127.0.0.1", COLLOQUY_TRUST: "", COLLOQUY_HOSTS: "*" });
    const again = { COLLOQUY_CONFIG: fileWith(JSON.stringify(settings)) };
    expect(loadConfig(again)).toEqual({
      ...loadConfig({ COLLOQUY_PROFILE: "production", PORT: "1234" }),
      compatChosen: true,
    });
  });

  test.each([
    [
      "DATABASE_URL",
      "postgresql://user:p%40ss@host/db?password=x&sslmode=disable",
      "postgresql://user:***@host/db?password=***&sslmode=disable",
    ],
    ["DATABASE_URL", "postgresql://user@/db?host=/run", "postgresql://user@/db?host=/run"],
    ["COLLOQUY_HINTS", "nats://token@host:4222", "nats://***@host:4222"],
    ["COLLOQUY_HINTS", "nats://user:word@host", "nats://user:***@host"],
    ["COLLOQUY_HINTS", "tls://token@host", "tls://***@host"],
    ["COLLOQUY_HINTS", "local", "local"],
    ["COLLOQUY_AGENT_KEY", Buffer.alloc(32, 7).toString("base64"), "***"],
    ["COLLOQUY_AGENT_KEY_OLD", Buffer.alloc(32, 7).toString("base64"), "***"],
  ])("show %s=%s as %s", (name, value, shown) => {
    expect(settingsInForce({ [name]: value })[name]).toBe(shown);
  });
});

test("the published schema has every setting, and a description for all but those for diagnosis", () => {
  const { properties } = JSON.parse(readFileSync("gen/settings.schema.json", "utf8"));
  expect(Object.keys(properties)).toEqual(["$schema", ...SETTINGS]);
  const undescribed = SETTINGS.filter((name) => properties[name].description === "For diagnosis only.");
  expect(undescribed).toEqual(["COLLOQUY_UNARY", "COLLOQUY_STREAMS"]);
});

// The layout: which room may import which, where SQL and protocols may be spoken, and that no module holds state of its
// own.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { expect, test } from "vitest";

const src = join(import.meta.dirname, "../../src");

interface Room {
  /** What belongs there, as a failing test says it. */
  readonly holds: string;
  readonly mayImport: readonly string[];
}

/** From top to bottom, the way of a request. A room imports rooms below it only. */
const ROOMS: Readonly<Record<string, Room>> = {
  cli: {
    holds: "commands, a file each, and the processes of a cluster",
    mayImport: [
      "app",
      "server",
      "dialects",
      "services",
      "live",
      "agents",
      "access",
      "store",
      "files",
      "embedded-postgres",
      "config",
      "telemetry",
      "domain",
    ],
  },
  app: {
    holds: "the composition root",
    mayImport: [
      "server",
      "protocols",
      "dialects",
      "frontends",
      "pipeline",
      "access",
      "services",
      "agents",
      "live",
      "webhooks",
      "jobs",
      "files",
      "store",
      "config",
      "telemetry",
      "domain",
    ],
  },
  server: {
    holds: "ports and sockets, from the connection to the protocol",
    mayImport: ["protocols", "pipeline", "access", "telemetry", "domain"],
  },
  frontends: {
    holds: "protocols of chat front ends and agents, as clients of the services",
    mayImport: ["dialects", "protocols", "codec", "services", "pipeline", "domain"],
  },
  dialects: {
    holds: "REST APIs of others, as clients of the services",
    mayImport: ["protocols", "services", "pipeline", "domain"],
  },
  protocols: {
    holds: "Connect, gRPC, gRPC-Web and REST: bytes to messages and back",
    mayImport: ["codec", "pipeline", "telemetry", "domain"],
  },
  services: {
    holds: "RPC handlers, a folder for each resource",
    mayImport: [
      "codec",
      "pipeline",
      "access",
      "webhooks",
      "agents",
      "live",
      "outbound",
      "jobs",
      "files",
      "store",
      "domain",
    ],
  },
  webhooks: {
    holds: "what sends events to endpoints",
    mayImport: ["agents", "live", "outbound", "store", "telemetry", "domain"],
  },
  agents: {
    holds: "connectors to agents, and their turns",
    mayImport: ["live", "outbound", "files", "pipeline", "store", "telemetry", "domain"],
  },
  live: { holds: "hints, and followers of logs", mayImport: ["pipeline", "store", "telemetry", "domain"] },
  jobs: { holds: "work that nobody waits for", mayImport: ["files", "store", "telemetry", "domain"] },
  "embedded-postgres": { holds: "the PostgreSQL that comes along", mayImport: ["store", "domain"] },
  store: { holds: "the database: the only place with SQL", mayImport: ["access", "domain"] },
  files: { holds: "where the bytes of files lie", mayImport: ["domain"] },
  config: { holds: "settings", mayImport: ["access", "domain"] },
  telemetry: { holds: "log and metrics", mayImport: ["pipeline", "domain"] },
  codec: { holds: "encoders and decoders of messages", mayImport: ["pipeline", "domain"] },
  pipeline: { holds: "what every call passes, whatever its protocol", mayImport: ["access", "domain"] },
  access: { holds: "credentials, tokens, rate limits", mayImport: ["outbound", "domain"] },
  outbound: { holds: "the bounded fetch for everything asked of others", mayImport: ["domain"] },
  domain: { holds: "rules without I/O", mayImport: [] },
  client: { holds: "the published client", mayImport: [] },
};

/**
 * Modules that remember, for speed, what follows from their input alone: by descriptor or object (weak maps), the last
 * value, or a bounded number of them. Two apps in one process may share them. `domain/ids/id.ts` keeps the last id, so
 * that ids rise within the process.
 */
const MEMOS: ReadonlySet<string> = new Set([
  "agents/connectors/tool-schema/tool-schema.ts",
  "codec/field-named.ts",
  "codec/json/json-values.ts",
  "codec/json/timestamp-json.ts",
  "domain/ids/id.ts",
  "domain/identity/actor.ts",
  "domain/identity/permissions.ts",
  "domain/reactions/tally.ts",
  "pipeline/streams/heartbeat.ts",
  "pipeline/call/implied-mask.ts",
  "pipeline/record.ts",
  "pipeline/validation/item-limits.ts",
  "protocols/rest/binding/bare-list.ts",
  "protocols/rest/binding/raw-json.ts",
  "protocols/rest/binding/text-value.ts",
  "server/request-check.ts",
  "services/events/entry-responses.ts",
  "store/driver/row-budget.ts",
  "store/driver/row-parser.ts",
  "store/driver/session.ts",
  "store/driver/value-readers.ts",
]);

const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
const text = (file: string) => readFileSync(join(src, file), "utf8");
/** The paths of what a file imports by relative names. */
const importsOf = (file: string) =>
  [...text(file).matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map(([, target = ""]) =>
    relative(src, join(src, dirname(file), target)),
  );
const roomOf = (path: string) => (path.includes(sep) ? (path.split(sep)[0] ?? "") : "");

test("every file has a room", () => {
  const homeless = files.filter((file) => file !== "main.ts" && !(roomOf(file) in ROOMS));
  const rooms = Object.entries(ROOMS).map(([room, { holds }]) => `${room}/ (${holds})`);
  expect(homeless.map((file) => `${file} is in no known room: put it into one of ${rooms.join(", ")}`)).toEqual([]);
});

test("imports run one way", () => {
  const wrong: string[] = [];
  for (const file of files) {
    const from = roomOf(file);
    const room = ROOMS[from];
    if (room === undefined) continue;
    for (const path of importsOf(file)) {
      const to = roomOf(path);
      if (path.startsWith(`..${sep}gen${sep}`) || to === from || room.mayImport.includes(to)) continue; // gen/ is everybody's, nothing else outside src/.
      wrong.push(
        `${file} imports ${path}: ${from}/ holds ${room.holds} and may import ${room.mayImport.join(", ") || "nothing"}; ` +
          `move what both need below them, or pass it in`,
      );
    }
  }
  expect(wrong).toEqual([]);
});

test("what protocols share imports none of them", () => {
  const shared = files.filter((file) => file.startsWith(join("protocols", "http")));
  const wrong = shared.flatMap((file) =>
    importsOf(file)
      .filter((path) => !path.startsWith(join("protocols", "http")) && !["pipeline", "domain"].includes(roomOf(path)))
      .map((path) => `${file} imports ${path}: protocols/http is below every protocol; pass it in`),
  );
  expect(shared.length).toBeGreaterThan(10);
  expect(wrong).toEqual([]);
});

/** The paths of requests that src/README.md tells, by their names. */
function pathsTold(): Map<string, string[]> {
  const readme = readFileSync(join(src, "README.md"), "utf8");
  const section = readme.slice(readme.indexOf("Each path below"), readme.indexOf("## The path of a change"));
  const bullets = section.split(/^- /m).slice(1);
  return new Map(
    bullets.map((bullet) => {
      const [, name = "", steps = ""] = /^\*\*(.+)\*\*: (.*)$/s.exec(bullet) ?? [];
      return [name, [...steps.matchAll(/`([\w/-]+)`/g)].map(([, step = ""]) => step)];
    }),
  );
}

test("the path of a request enters seven rooms at most, and returns to none", () => {
  const told = pathsTold();
  expect([...told.keys()]).toEqual([
    "SendMessage over Connect",
    "A body over REST",
    "Subscribe",
    "A dialect's call",
    "A front end's call",
    "Chat",
  ]);
  for (const [name, steps] of told) {
    for (const step of steps) {
      expect(files, `${name}: src/README.md names ${step}, which is not there`).toContain(`${join(step)}.ts`);
    }
    const entered = steps.map((step) => roomOf(join(step))).filter((room, index, rooms) => room !== rooms[index - 1]);
    expect(entered, `${name} returns to a room that it has left`).toEqual([...new Set(entered)]);
    expect(entered.length, `${name}: ${entered.join(", ")}`).toBeLessThanOrEqual(7);
  }
});

test("rooms have no circles", () => {
  const order = Object.keys(ROOMS);
  const wrong = order.flatMap((room, index) =>
    (ROOMS[room]?.mayImport ?? [])
      .filter((other) => order.indexOf(other) <= index)
      .map(
        (other) => `${room}/ may not import ${other}/: it stands above; move what both need below them, or pass it in`,
      ),
  );
  expect(wrong).toEqual([]);
});

test("files have no circles", () => {
  const graph = new Map(files.map((file) => [file, importsOf(file)]));
  const done = new Set<string>();
  const path: string[] = [];
  const circles: string[] = [];
  const visit = (file: string): void => {
    if (path.includes(file)) {
      const circle = [...path.slice(path.indexOf(file)), file].join(" → ");
      circles.push(`${circle}: move what they share to a file of its own, which imports none of them`);
    }
    if (done.has(file) || path.includes(file)) return;
    path.push(file);
    for (const next of graph.get(file) ?? []) visit(next);
    path.pop();
    done.add(file);
  };
  for (const file of files) visit(file);
  expect(circles).toEqual([]);
  expect(Math.max(...[...graph.values()].map((imports) => imports.length))).toBeGreaterThan(20);
});

/** The files that import a package. */
function importers(name: RegExp): string[] {
  return files.filter((file) => name.test(text(file)));
}

test("only the store speaks SQL", () => {
  // live/ holds a connection of its own for LISTEN and NOTIFY, which knows no table; embedded-postgres/ one that holds
  // locks.
  const allowed = new Set(["embedded-postgres", "live", "store"]);
  const wrong = importers(/from "(pg|@mikro-orm\/[\w-]+|kysely)"/).filter((file) => !allowed.has(roomOf(file)));
  expect(wrong.map((file) => `${file} imports a database package: statements belong in store/`)).toEqual([]);
});

test("statements are written in the store alone", () => {
  // A literal of store/driver's Statement (a name, and a text that begins as SQL does), or any text that is a whole
  // command.
  const command = /[`"']\s*(?:select\s[^`"']*\sfrom\s|insert into\s|update\s+\w+\s+set\s|delete from\s)/;
  const literal = /\btext:\s*(?:\/\*[^*]*\*\/\s*)?[`"']\s*(?:select|insert|update|delete|with|merge|truncate|alter)\b/i;
  // embedded-postgres/ asks for the backup's label and for locks.
  const allowed = new Set(["embedded-postgres", "store"]);
  const isSql = (file: string) => literal.test(text(file)) || command.test(text(file));
  const wrong = files.filter((file) => !allowed.has(roomOf(file)) && isSql(file));
  expect(
    wrong.map((file) => `${file} holds a statement: it belongs in store/, beside the function that fills it`),
  ).toEqual([]);
  expect(files.some((file) => roomOf(file) === "store" && literal.test(text(file)))).toBe(true);
});

test("no protocol is spoken below the pipeline", () => {
  // What agents/ and outbound/ speak is the protocol of others: they are clients.
  const below = ["services", "webhooks", "live", "jobs", "store", "config", "telemetry", "access", "domain"];
  const wrong = importers(/from "(node:http2?|@connectrpc\/[\w-]+)"/).filter((file) => below.includes(roomOf(file)));
  expect(wrong.map((file) => `${file} imports HTTP or Connect: what speaks a protocol belongs in protocols/`)).toEqual(
    [],
  );
});

test("who sees a whole tenant without a credential is made in one place", () => {
  const makers = files.filter((file) => /viewer: \{ kind: "tenant" \}/.test(text(file)));
  expect(
    makers
      .filter((file) => file !== join("domain", "identity", "caller.ts"))
      .map((file) => `${file} must use systemCaller of domain/identity/caller.ts`),
  ).toEqual([]);
});

/** Lines of a file: past it a reader no longer keeps the whole in mind. */
const MAX_LINES = 250;

test("a file has one topic, and is short", () => {
  const lengths = files.map((file) => [file, text(file).split("\n").length - 1] as const);
  const long = lengths.filter(([, lines]) => lines > MAX_LINES);
  expect(
    long.map(([file, lines]) => `${file} has ${lines} lines: split it by topic, the maximum is ${MAX_LINES}`),
  ).toEqual([]);
  const median = lengths.map(([, lines]) => lines).sort((a, b) => a - b)[Math.floor(files.length / 2)];
  expect(median).toBeGreaterThanOrEqual(60);
  expect(median).toBeLessThanOrEqual(120);
});

test("a file's name says what it holds", () => {
  const vague = files.filter(
    (file) =>
      /(?:^|[/\\])(?:util|utils|helpers?|common|misc|lib|stuff|index)\.ts$/.test(file) &&
      file !== join("client", "index.ts") &&
      !file.startsWith(join("store", "migrations")),
  );
  expect(vague.map((file) => `${file} must be named by its topic`)).toEqual([]);
});

test("no module holds state of its own", () => {
  const state =
    /^(?:export )?(?:let \w+|const \w+(?:: (?!Readonly)[^=]+)? = new (?:WeakMap|Map|Set|WeakSet)(?:<[^>]*>)?\(\))/m;
  const found = files.filter(
    (file) => roomOf(file) !== "client" && state.test(text(file)) && !MEMOS.has(file.replaceAll(sep, "/")),
  );
  expect(found.map((file) => `${file} holds state for the whole process: create it in app/ and pass it in`)).toEqual(
    [],
  );
});

import { mkdtempSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { DEFAULT_STREAM_LIMITS } from "../../../src/access/limits/open-streams.ts";
import { DEFAULT_POLICIES } from "../../../src/access/limits/rate-limits.ts";
import { ConfigError, loadConfig } from "../../../src/config/config.ts";
import { settingsInForce } from "../../../src/config/print.ts";

const directory = mkdtempSync(join(tmpdir(), "config-"));
const file = join(directory, "a.pem");
writeFileSync(file, "a");

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    loadConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test.each(["/proc", "/proc/x", "/tmp/../proc/x/y"])(
  "a data directory at %s is refused, as Node would try it for ever",
  (path) => {
    expect(problemsOf({ COLLOQUY_DATA_DIR: path })).toEqual([
      "COLLOQUY_DATA_DIR: must not be below /proc, where no folder can be made",
    ]);
  },
);

test("an empty environment gives the development profile on loopback, with the embedded database", () => {
  expect(loadConfig({})).toEqual({
    profile: "development",
    host: "127.0.0.1",
    port: 8080,
    tls: undefined,
    databaseUrl: undefined,
    databaseDirectUrl: undefined,
    replicaUrls: [],
    pooling: "session",
    databaseSchema: "public",
    poolSize: undefined,
    workers: 1,
    cacheBytes: 64 * 1024 * 1024,
    dataDir: ".colloquy",
    compat: [
      { dialect: "callcenter", port: undefined, prefix: "" },
      { dialect: "crm", port: undefined, prefix: "" },
      { dialect: "assistant", port: undefined, prefix: "" },
      { dialect: "workorder", port: undefined, prefix: "" },
      { dialect: "helpdesk", port: 3030, prefix: "" },
      { dialect: "openai", port: undefined, prefix: "" },
      { dialect: "mcp", port: undefined, prefix: "" },
      { dialect: "agui", port: undefined, prefix: "" },
      { dialect: "aisdk", port: undefined, prefix: "" },
      { dialect: "a2a", port: undefined, prefix: "" },
    ],
    compatChosen: false,
    trust: { dialects: ["assistant", "helpdesk"], tenant: "default" },
    cors: "loopback",
    hosts: ["127.0.0.1"],
    issuers: [],
    trustedProxies: [],
    rateLimits: DEFAULT_POLICIES,
    streamLimits: DEFAULT_STREAM_LIMITS,
    console: { served: true, issuers: [] },
    agents: { allowPrivate: false, key: undefined },
    webhooks: { allowPrivate: false },
    files: { place: { kind: "disk", folder: ".colloquy/files" }, maxBytes: 100 * 2 ** 20, quota: 10 * 2 ** 30 },
    heartbeatMs: 15_000,
    drainDelayMs: 0,
    hints: "postgres",
    logLevel: "info",
    unaryLane: true,
    streamLane: true,
  });
});

test("the production profile trusts nobody and no origin", () => {
  const { trust, cors, hosts } = loadConfig({ COLLOQUY_PROFILE: "production", HOST: "0.0.0.0" });
  expect(trust.dialects).toEqual([]);
  expect([cors, hosts]).toEqual([[], "any"]);
});

test("the number of connections to the database is a whole one from 1 to 9999", () => {
  expect(loadConfig({ COLLOQUY_POOL_SIZE: "32" }).poolSize).toBe(32);
  for (const wrong of ["0", "-1", "1.5", "10000", "many"]) {
    expect(problemsOf({ COLLOQUY_POOL_SIZE: wrong })).toEqual(["COLLOQUY_POOL_SIZE: must be a number from 1 to 9999"]);
  }
});

test("the number of workers is a whole one from 1 to 99, or that of the cores", () => {
  expect(loadConfig({}).workers).toBe(1);
  expect(loadConfig({ COLLOQUY_WORKERS: "4" }).workers).toBe(4);
  expect(loadConfig({ COLLOQUY_WORKERS: "auto" }).workers).toBe(availableParallelism());
  for (const wrong of ["0", "-1", "1.5", "100", "all"]) {
    expect(problemsOf({ COLLOQUY_WORKERS: wrong })).toEqual([
      "COLLOQUY_WORKERS: must be a number from 1 to 99, or auto",
    ]);
  }
});

test("the configuration is frozen all the way down", () => {
  const config = loadConfig({});
  expect(Object.isFrozen(config)).toBe(true);
  expect(Object.isFrozen(config.compat[0])).toBe(true);
  expect(Object.isFrozen(config.trust.dialects)).toBe(true);
});

test("an empty variable counts as unset, an empty list as a list of nothing", () => {
  const config = loadConfig({ PORT: "", DATABASE_URL: "", COLLOQUY_TRUST: "", COLLOQUY_COMPAT: "" });
  expect(config.port).toBe(8080);
  expect(config.databaseUrl).toBeUndefined();
  expect(config.trust.dialects).toEqual([]);
  expect(config.compat).toEqual([]);
});

test.each([
  ["COLLOQUY_RATE_LIMITS", "caller=1/60,caller=2/60", '"caller" must not be repeated'],
  ["COLLOQUY_STREAM_LIMITS", "member=1, member=off", '"member" must not be repeated'],
  ["COLLOQUY_CORS", "  ", "must not be white space alone"],
  ["COLLOQUY_COMPAT", "\t", "must not be white space alone"],
  ["COLLOQUY_RATE_LIMITS", " ", "must not be white space alone"],
  [
    "COLLOQUY_COMPAT",
    "crm/../x",
    '"crm/../x" must not have a prefix with the segment . or .., which no request path has',
  ],
  [
    "COLLOQUY_COMPAT",
    "crm/x/.",
    '"crm/x/." must not have a prefix with the segment . or .., which no request path has',
  ],
])("%s=%j is refused", (name, text, rule) => {
  expect(problemsOf({ [name]: text })).toEqual([`${name}: ${rule}`]);
});

test("every problem is told at once, each by the name of its variable", () => {
  const problems = problemsOf({
    PORT: "70000",
    HOST: "0.0.0.0",
    LOG_LEVEL: "loud",
    TLS_CERT: file,
    DATABASE_URL: "mysql://u:secret@h/d",
    COLLOQUY_DATABASE: "x",
  });
  expect(problems.map((problem) => problem.split(":")[0])).toEqual([
    "COLLOQUY_DATABASE",
    "PORT",
    "DATABASE_URL",
    "LOG_LEVEL",
    "TLS_KEY",
    "HOST",
  ]);
  expect(problems.join()).not.toContain("secret");
});

describe("trust", () => {
  test.each(["0.0.0.0", "::", "192.168.1.4", "example.com"])(
    "the development profile refuses to listen on %s",
    (HOST) => {
      expect(problemsOf({ HOST })).toEqual([expect.stringMatching(/^HOST: .*COLLOQUY_PROFILE=production/)]);
      expect(problemsOf({ HOST, COLLOQUY_TRUST_PUBLIC: "yes" })).toEqual([]);
      expect(problemsOf({ HOST, COLLOQUY_PROFILE: "production" })).toEqual([]);
    },
  );

  test.each(["127.0.0.1", "127.8.9.1", "::1", "localhost"])("the development profile listens on %s", (HOST) => {
    expect(problemsOf({ HOST })).toEqual([]);
  });

  test("the production profile refuses to trust user ids", () => {
    expect(problemsOf({ COLLOQUY_PROFILE: "production", COLLOQUY_TRUST: "assistant" })).toEqual([
      "COLLOQUY_TRUST: must be empty in production: only the development profile trusts user ids without a credential",
    ]);
  });

  test("only the dialects without credentials can trust", () => {
    expect(problemsOf({ COLLOQUY_TRUST: "assistant,crm" })).toEqual([
      'COLLOQUY_TRUST[1]: "crm" must be one of assistant and helpdesk',
    ]);
  });
});

describe("COLLOQUY_COMPAT", () => {
  test("takes a port and a prefix", () => {
    expect(loadConfig({ COLLOQUY_COMPAT: "crm@9000/old/api, helpdesk/desk" }).compat).toEqual([
      { dialect: "crm", port: 9000, prefix: "/old/api" },
      { dialect: "helpdesk", port: undefined, prefix: "/desk" },
    ]);
  });

  test.each(["nope", "crm@", "crm@0", "crm@70000", "crm/", "crm@1@2", "crm//a", "crm/a b", "crm,crm"])(
    "refuses %s",
    (COLLOQUY_COMPAT) => {
      expect(problemsOf({ COLLOQUY_COMPAT })).toEqual([expect.stringMatching(/^COLLOQUY_COMPAT: "/)]);
    },
  );
});

describe("COLLOQUY_HOSTS", () => {
  test("takes host names and addresses, beside the one that is listened on, or all", () => {
    expect(loadConfig({ COLLOQUY_HOSTS: "App.example, 10.0.0.7", HOST: "localhost" }).hosts).toEqual([
      "app.example",
      "10.0.0.7",
      "localhost",
    ]);
    expect(loadConfig({ COLLOQUY_HOSTS: "" }).hosts).toEqual(["127.0.0.1"]);
    expect(loadConfig({ COLLOQUY_HOSTS: "*" }).hosts).toBe("any");
    const production = { COLLOQUY_PROFILE: "production", HOST: "0.0.0.0", COLLOQUY_HOSTS: "app.example" };
    expect(loadConfig(production).hosts).toEqual(["app.example", "0.0.0.0"]);
  });

  test.each(["app.example:8080", "https://app.example", "*.example", "a b"])("refuses %s", (name) => {
    expect(problemsOf({ COLLOQUY_HOSTS: name })).toEqual([
      expect.stringContaining("must be a host name or IP address"),
    ]);
  });
});

describe("COLLOQUY_CORS", () => {
  test("takes origins", () => {
    expect(loadConfig({ COLLOQUY_CORS: "https://a.example, http://b.example:3000" }).cors).toEqual([
      "https://a.example",
      "http://b.example:3000",
    ]);
  });

  test.each(["*", "a.example", "https://a.example/", "https://a.example/x", "ftp://a.example"])(
    "refuses %s",
    (origin) => {
      expect(problemsOf({ COLLOQUY_CORS: origin })).toEqual([expect.stringContaining(`"${origin}" must be an origin`)]);
    },
  );
});

describe("COLLOQUY_ISSUERS", () => {
  const good = { issuer: "https://id.example", audience: "colloquy", algorithms: ["ES256"] };
  const load = (...issuers: unknown[]) => problemsOf({ COLLOQUY_ISSUERS: JSON.stringify(issuers) });

  test("takes keys from a URL or a file, and names the claims", () => {
    const COLLOQUY_ISSUERS = JSON.stringify([
      { ...good, jwks_url: "https://id.example/jwks", claims: { tenant: "org" } },
      { ...good, issuer: "b", key_file: file },
    ]);
    expect(loadConfig({ COLLOQUY_ISSUERS }).issuers).toEqual([
      {
        ...good,
        jwksUrl: "https://id.example/jwks",
        keyFile: undefined,
        audience: ["colloquy"],
        claims: { aud: "aud", sub: "sub", tenant: "org", role: "role" },
      },
      {
        ...good,
        issuer: "b",
        jwksUrl: undefined,
        keyFile: file,
        audience: ["colloquy"],
        claims: { aud: "aud", sub: "sub", tenant: "tenant", role: "role" },
      },
    ]);
  });

  test("says which issuer lacks what", () => {
    expect(load({ ...good, audience: undefined, key_file: file })).toEqual([
      "COLLOQUY_ISSUERS[0].audience: must be set",
    ]);
    expect(load(good)).toEqual(["COLLOQUY_ISSUERS[0]: must have exactly one of jwks_url and key_file"]);
  });

  test.each([
    ["text that is no JSON", "[", "COLLOQUY_ISSUERS: must be JSON"],
    ["an object", "{}", "COLLOQUY_ISSUERS: must be an array"],
  ])("refuses %s", (_, COLLOQUY_ISSUERS, problem) => {
    expect(problemsOf({ COLLOQUY_ISSUERS })).toEqual([expect.stringContaining(problem)]);
  });

  test("refuses what it does not know, keys in the clear, and algorithms that anybody can sign with", () => {
    expect(load({ ...good, key_file: file, jwks: 1 })[0]).toContain("COLLOQUY_ISSUERS[0]");
    expect(load({ ...good, jwks_url: "http://id.example/jwks" })).toEqual([
      "COLLOQUY_ISSUERS[0].jwks_url: must be https",
    ]);
    expect(load({ ...good, jwks_url: "http://127.0.0.1:1/jwks" })).toEqual([]);
    for (const login of ["ann:secret@", "ann@", ":secret@"]) {
      expect(load({ ...good, jwks_url: `https://${login}id.example/jwks` })).toEqual([
        "COLLOQUY_ISSUERS[0].jwks_url: must have no user and no password",
      ]);
    }
    for (const algorithm of ["HS256", "none"]) {
      expect(load({ ...good, key_file: file, algorithms: [algorithm] })[0]).toContain(
        "COLLOQUY_ISSUERS[0].algorithms[0]",
      );
    }
    expect(load({ ...good, key_file: file }, { ...good, key_file: file })).toEqual([
      "COLLOQUY_ISSUERS: must not name an issuer twice",
    ]);
  });
});

test("TLS takes a certificate and a key, or neither, and both must be readable", () => {
  expect(loadConfig({ TLS_CERT: file, TLS_KEY: file }).tls).toEqual({ certificateFile: file, keyFile: file });
  expect(problemsOf({ TLS_KEY: file })).toEqual(["TLS_CERT: must be set: TLS_CERT and TLS_KEY belong together"]);
  expect(problemsOf({ TLS_CERT: "/nowhere", TLS_KEY: file })).toEqual(["TLS_CERT: must name a file that can be read"]);
});

describe("COLLOQUY_RATE_LIMITS", () => {
  test("changes what it names", () => {
    const caller = { name: "caller", points: 10, seconds: 1 };
    expect(loadConfig({ COLLOQUY_RATE_LIMITS: "caller=10/1" }).rateLimits).toEqual({ ...DEFAULT_POLICIES, caller });
  });

  test("says which part it does not understand", () => {
    expect(problemsOf({ COLLOQUY_RATE_LIMITS: "caller=many" })).toEqual([
      expect.stringContaining('COLLOQUY_RATE_LIMITS: "caller=many" must be tenant, caller or failures'),
    ]);
  });
});

describe("COLLOQUY_STREAM_LIMITS", () => {
  test("changes what it names, and lifts what is off", () => {
    const { streamLimits } = loadConfig({ COLLOQUY_STREAM_LIMITS: "member=5, key=off" });
    expect(streamLimits).toEqual({ ...DEFAULT_STREAM_LIMITS, member: 5, key: undefined });
    expect(loadConfig({ COLLOQUY_STREAM_LIMITS: "off" }).streamLimits).toEqual({});
  });

  test.each(["caller=5", "member=0", "member=", "key=many"])("says of %s which part it does not understand", (text) => {
    expect(problemsOf({ COLLOQUY_STREAM_LIMITS: text })).toEqual([
      expect.stringContaining(`COLLOQUY_STREAM_LIMITS: "${text}" must be member, key or address`),
    ]);
  });
});

describe("the settings of agents", () => {
  test("open private networks and give a key", () => {
    const key = Buffer.alloc(32, 1).toString("base64");
    const oldKey = Buffer.alloc(32, 2).toString("base64");
    const keys = { COLLOQUY_AGENT_KEY: key, COLLOQUY_AGENT_KEY_OLD: oldKey };
    const { agents } = loadConfig({ COLLOQUY_AGENT_PRIVATE: "yes", ...keys });
    expect(agents).toEqual({ allowPrivate: true, key, oldKey });
  });

  test("say what is wrong with them, without the key", () => {
    expect(
      problemsOf({ COLLOQUY_AGENT_PRIVATE: "maybe", COLLOQUY_AGENT_KEY: "c2hvcnQ=", COLLOQUY_AGENT_KEY_OLD: "x" }),
    ).toEqual([
      "COLLOQUY_AGENT_PRIVATE: must be yes or no",
      "COLLOQUY_AGENT_KEY: must be 32 bytes in base64",
      "COLLOQUY_AGENT_KEY_OLD: must be 32 bytes in base64",
    ]);
  });
});

describe("COLLOQUY_PURGE_AFTER", () => {
  test.each([
    [undefined, undefined],
    ["never", undefined],
    ["30", 30],
  ])("%s is understood", (COLLOQUY_PURGE_AFTER, expected) =>
    expect(loadConfig({ COLLOQUY_PURGE_AFTER }).purgeAfterDays).toBe(expected),
  );

  test.each(["0", "-1", "30d", "1.5", "100000"])("%s is refused", (COLLOQUY_PURGE_AFTER) =>
    expect(problemsOf({ COLLOQUY_PURGE_AFTER })).toEqual([
      "COLLOQUY_PURGE_AFTER: must be a number of days from 1 to 99999, or never",
    ]),
  );
});

describe("COLLOQUY_HINTS", () => {
  test.each([
    ["local", "local"],
    ["off", "off"],
    ["nats://user:secret@nats.example:4222", { nats: "nats://user:secret@nats.example:4222" }],
    ["tls://nats.example", { nats: "tls://nats.example" }],
  ])("%s is understood", (COLLOQUY_HINTS, expected) => expect(loadConfig({ COLLOQUY_HINTS }).hints).toEqual(expected));

  test("anything else is refused, and not repeated", () => {
    expect(problemsOf({ COLLOQUY_HINTS: "redis://secret@x" })).toEqual([
      "COLLOQUY_HINTS: must be postgres, local, off, nats://host:port or tls://host:port",
    ]);
  });

  test.each(["nats://a,nats://b", "nats://a,b:4222", "nats://a:4222/b", "tls://a b"])(
    "%s is not one server",
    (text) => {
      expect(problemsOf({ COLLOQUY_HINTS: text })).toHaveLength(1);
    },
  );

  test("a NATS server may name files that are there", () => {
    const file = import.meta.filename;
    const nats = `tls://nats.example:4222?ca=${file}&creds=${file}`;
    expect(loadConfig({ COLLOQUY_HINTS: nats }).hints).toEqual({ nats });
    expect(problemsOf({ COLLOQUY_HINTS: `tls://nats.example?ca=/none&cert=${file}&user=x` })).toEqual([
      "COLLOQUY_HINTS: ca must name a file that can be read",
      'COLLOQUY_HINTS: "user" must be one of ca, cert, key, creds, the parameters of a NATS server',
      "COLLOQUY_HINTS: cert and key belong together",
    ]);
  });
});

test("a pooler belongs to a database of one's own", () => {
  const DATABASE_URL = "postgresql://u:p@pooler/d";
  const COLLOQUY_DATABASE_DIRECT_URL = "postgresql://u:p@database/d";
  const both = loadConfig({ DATABASE_URL, COLLOQUY_DATABASE_DIRECT_URL, COLLOQUY_POOLING: "transaction" });
  expect([both.databaseDirectUrl, both.pooling]).toEqual([COLLOQUY_DATABASE_DIRECT_URL, "transaction"]);
  expect(problemsOf({ DATABASE_URL, COLLOQUY_POOLING: "statement" })).toEqual([
    "COLLOQUY_POOLING: must be one of session, transaction",
  ]);
  const rule = "must not be set without DATABASE_URL: no pooler is in front of the embedded database";
  expect(problemsOf({ COLLOQUY_POOLING: "transaction" })).toEqual([`COLLOQUY_POOLING: ${rule}`]);
  expect(problemsOf({ COLLOQUY_DATABASE_DIRECT_URL })).toEqual([`COLLOQUY_DATABASE_DIRECT_URL: ${rule}`]);
});

test("replicas belong to a database of one's own, each has a URL, and their passwords are not printed", () => {
  const DATABASE_URL = "postgresql://u:p@primary/d";
  const urls = ["postgresql://u:p@one:5433/d", "postgresql://u:q@two/d?sslmode=disable"];
  const COLLOQUY_REPLICA_URLS = urls.join(", ");
  expect(loadConfig({ DATABASE_URL }).replicaUrls).toEqual([]);
  expect(loadConfig({ DATABASE_URL, COLLOQUY_REPLICA_URLS }).replicaUrls).toEqual([
    urls[0],
    `${urls[1]}&uselibpqcompat=true`,
  ]);
  expect(settingsInForce({ DATABASE_URL, COLLOQUY_REPLICA_URLS }).COLLOQUY_REPLICA_URLS).toBe(
    "postgresql://u:***@one:5433/d,postgresql://u:***@two/d?sslmode=disable",
  );
  expect(problemsOf({ COLLOQUY_REPLICA_URLS })).toEqual([
    "COLLOQUY_REPLICA_URLS: must not be set without DATABASE_URL: the embedded database has no replicas",
  ]);
  expect(problemsOf({ DATABASE_URL, COLLOQUY_REPLICA_URLS: `${urls[0]},http://two` })).toEqual([
    "COLLOQUY_REPLICA_URLS[1]: must be a URL such as postgresql://user:password@host:5432/database",
  ]);
  expect(problemsOf({ DATABASE_URL, COLLOQUY_REPLICA_URLS: `${urls[0]}?target_session_attrs=any` })).toEqual([
    "COLLOQUY_REPLICA_URLS[0]: must name one replica, without target_session_attrs: each has a URL of its own",
  ]);
});

test("files lie on disk, or in an S3-compatible store", () => {
  const placeOf = (COLLOQUY_FILES: string) => loadConfig({ COLLOQUY_FILES }).files.place;
  expect(placeOf("disk:/srv/files")).toEqual({ kind: "disk", folder: "/srv/files" });
  const aws = {
    kind: "s3",
    bucket: "talk",
    prefix: "",
    endpoint: undefined,
    region: undefined,
    presignSeconds: undefined,
  };
  expect([placeOf("s3://talk"), placeOf("s3://talk/")]).toEqual([aws, aws]);
  expect(placeOf("s3://talk/a/b/?endpoint=http://127.0.0.1:9000&region=eu-1&presign=300")).toEqual({
    ...aws,
    prefix: "a/b",
    endpoint: "http://127.0.0.1:9000",
    region: "eu-1",
    presignSeconds: 300,
  });
  expect(problemsOf({ COLLOQUY_FILES: "s3://id:secret@talk" })).toEqual([
    "COLLOQUY_FILES: must name no credentials: they come from AWS_ACCESS_KEY_ID and the like",
  ]);
});

test.each([
  ["ftp://talk", /^COLLOQUY_FILES: must be disk, disk: and a folder/],
  ["s3://", /^COLLOQUY_FILES: must be s3:\/\/BUCKET/],
  ["s3://talk:9000", /^COLLOQUY_FILES: must have no port: the parameter endpoint says where the store is$/],
  ["s3://b/p", /^COLLOQUY_FILES: must name a bucket of 3 to 63 letters, digits and \._- that begins and ends with a/],
  ["s3://talk/a//b", /^COLLOQUY_FILES: must have a prefix of letters/],
  ["s3://talk/%00", /^COLLOQUY_FILES: must have a prefix of letters/],
  ["s3://talk?endpoint=nowhere", /^COLLOQUY_FILES: endpoint must be an http or https URL without a path$/],
  ["s3://talk?endpoint=http://h/path", /^COLLOQUY_FILES: endpoint must be/],
  ["s3://talk?region=a%20b", /^COLLOQUY_FILES: region must be the name of a region$/],
  ["s3://talk?presign=301", /^COLLOQUY_FILES: presign must be 1 to 300 seconds$/],
  ["s3://talk?presign=0", /^COLLOQUY_FILES: presign must be 1 to 300 seconds$/],
  ["s3://talk?acl=public", /^COLLOQUY_FILES: must not have the parameter acl/],
])("files cannot lie at %s", (COLLOQUY_FILES, rule) => {
  expect(problemsOf({ COLLOQUY_FILES })).toEqual([expect.stringMatching(rule)]);
});

describe("COLLOQUY_CONSOLE_OIDC", () => {
  const COLLOQUY_ISSUERS = JSON.stringify([
    { issuer: "https://id.example", audience: "colloquy", jwks_url: "https://id.example/keys", algorithms: ["RS256"] },
  ]);
  const load = (text: string) => problemsOf({ COLLOQUY_ISSUERS, COLLOQUY_CONSOLE_OIDC: text });

  test("names identity providers, with defaults", () => {
    const COLLOQUY_CONSOLE_OIDC = JSON.stringify([{ issuer: "https://id.example", client_id: "console" }]);
    expect(loadConfig({ COLLOQUY_ISSUERS, COLLOQUY_CONSOLE_OIDC }).console).toEqual({
      served: true,
      issuers: [
        {
          issuer: "https://id.example",
          name: "id.example",
          clientId: "console",
          scope: "openid",
          token: "access_token",
          parameters: {},
          origins: [],
        },
      ],
    });
  });

  test.each([
    [
      "an issuer with a login",
      '[{"issuer":"https://u:p@id.example","client_id":"c"}]',
      "COLLOQUY_CONSOLE_OIDC[0].issuer: must have no user and no password",
    ],
    ["text that is no JSON", "[", "COLLOQUY_CONSOLE_OIDC: must be JSON"],
    ["an object", "{}", "COLLOQUY_CONSOLE_OIDC: must be an array"],
    ["no client", '[{"issuer":"https://id.example"}]', "COLLOQUY_CONSOLE_OIDC[0].client_id: must be set"],
    [
      "an issuer whose tokens are not accepted",
      '[{"issuer":"https://other.example","client_id":"c"}]',
      "COLLOQUY_CONSOLE_OIDC[0].issuer: must be one of COLLOQUY_ISSUERS",
    ],
    [
      "what is no origin",
      '[{"issuer":"https://id.example","client_id":"c","origins":["https://a.example/x"]}]',
      "COLLOQUY_CONSOLE_OIDC[0].origins[0]: must be an origin",
    ],
    [
      "another token",
      '[{"issuer":"https://id.example","client_id":"c","token":"refresh_token"}]',
      "COLLOQUY_CONSOLE_OIDC[0].token: must be access_token or id_token",
    ],
    [
      "an issuer twice",
      '[{"issuer":"https://id.example","client_id":"c"},{"issuer":"https://id.example","client_id":"d"}]',
      "COLLOQUY_CONSOLE_OIDC: must not name an issuer twice",
    ],
  ])("refuses %s", (_, text, problem) => {
    expect(load(text)).toEqual([expect.stringContaining(problem)]);
  });
});

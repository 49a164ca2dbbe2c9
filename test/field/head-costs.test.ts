// F-HEAD-COSTS: what a request costs by all that is no field of the contract: headers, queries, paths, forms and tokens.
// The worst that 16 KiB of head let through is refused or answered, and holds the loop for a moment at most.
import { Agent, request } from "node:http";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { keySource } from "../../src/access/tokens/key-source.ts";
import { Tokens } from "../../src/access/tokens/tokens.ts";
import { readForm } from "../../src/services/files/form.ts";
import { leastHeldBy } from "../support/measure/loop-held.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

/** So long may one request hold the loop, in milliseconds of the thread's own work. */
const MAX_MS = 50;
/** Below the limit of all headers, with room for the others. */
const LENGTH = 15_000;

let server: IdentityServer;
let credential: Credential;
let file: string;
const agent = new Agent({ keepAlive: true });
beforeAll(async () => {
  const environment = {
    COLLOQUY_COMPAT: "crm,openai,assistant,callcenter/cc,helpdesk/hd,workorder,mcp,a2a,agui,aisdk",
    COLLOQUY_TRUSTED_PROXIES: "127.0.0.1",
  };
  server = await startIdentityServer({ environment });
  const tenant = await server.tenant();
  await tenant.addMember("ann");
  credential = await tenant.token("ann");
  const made = await fetch(`${server.url}/v1/files?name=a.txt`, {
    method: "POST",
    headers: { ...credential, "content-type": "text/plain" },
    body: "the bytes of a file",
  });
  const { id } = (await made.json()) as { id: string };
  file = `/v1/files/${id}/content`;
});
afterAll(async () => {
  agent.destroy();
  await server.close();
});

type Headers = Readonly<Record<string, string>>;

function send(method: string, path: string, headers: Headers, body?: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { agent, method, headers: { ...credential, ...headers } };
    const asked = request(`${server.url}${path}`, options, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

const look = <T>(work: () => Promise<T>) => leastHeldBy(MAX_MS, work);

/** What is wrong with how a request was answered, and how long that took; undefined: nothing. */
async function faultOf(...asked: Parameters<typeof send>): Promise<string | undefined> {
  const { ms, value: status } = await look(() => send(...asked));
  // What nothing here knows may be said to be so.
  const isFailure = status >= 500 && status !== 501;
  return isFailure || ms > MAX_MS ? `${status} after ${Math.round(ms)} ms` : undefined;
}

const times = (text: string, length = LENGTH) => text.repeat(Math.floor(length / text.length));

/** What takes a parser of headers the longest: the same again and again, and then something else. */
const VALUES = [
  `${times(" ", LENGTH / 2)}-${times(" ", LENGTH / 2)}x`,
  `=${times(" ")}x"y`,
  times(","),
  times(";"),
  times("a,"),
  times("a=b;"),
  times('"'),
  times('\\"'),
  times("*/*;q=0.1,"),
  times("9"),
  times("."),
  times("=="),
  times("a "),
  times("%41"),
  times('W/"a",'),
  times("é"),
];

const JSON_TYPE = { "content-type": "application/json" };
const post = (path: string, headers: Headers = JSON_TYPE) => ["POST", path, headers, "{}"] as const;
const TARGETS: readonly (readonly [string, string, Headers, string | undefined])[] = [
  ["GET", "/v1/conversations?page_size=1", {}, undefined],
  post("/colloquy.v1.ConversationService/ListConversations"),
  post("/colloquy.v1.ConversationService/ListConversations", { "content-type": "application/grpc-web-text+proto" }),
  post("/mcp"),
];

/** Each is read by all requests, with these words before the value. */
const HEADERS: readonly (readonly [name: string, before?: string])[] = [
  ["accept"],
  ["accept-encoding"],
  ["accept-language"],
  ["authorization"],
  ["authorization", "Bearer "],
  ["baggage"],
  ["connect-timeout-ms"],
  ["content-encoding"],
  ["content-type"],
  ["content-type", "application/json;charset"],
  ["cookie"],
  ["cookie", "a"],
  ["forwarded"],
  ["forwarded", "for"],
  ["grpc-encoding"],
  ["grpc-accept-encoding"],
  ["grpc-timeout"],
  ["idempotency-key"],
  ["if-match"],
  ["if-none-match"],
  ["last-event-id"],
  ["mcp-protocol-version"],
  ["origin"],
  ["traceparent"],
  ["tracestate"],
  ["x-act-for"],
  ["x-api-key"],
  ["x-forwarded-for"],
  ["x-forwarded-proto"],
  ["x-request-id"],
  ["x-server-timeout"],
  ["x-tenant"],
];

/** Where one place alone reads a header. */
const OWN: readonly (readonly [string, string, Headers, readonly [string, string?]])[] = [
  ["GET", "FILE", {}, ["range", "bytes="]],
  ["GET", "FILE", {}, ["if-range"]],
  ["GET", "FILE", {}, ["if-none-match"]],
  ["POST", "/v1/uploads", { "tus-resumable": "1.0.0", "upload-length": "9" }, ["upload-metadata"]],
  ["POST", "/v1/uploads", { "tus-resumable": "1.0.0", "upload-length": "9" }, ["upload-metadata", "filename "]],
  ["POST", "/v1/uploads", { "tus-resumable": "1.0.0" }, ["upload-length"]],
  ["POST", "/v1/uploads", { "upload-length": "9" }, ["tus-resumable"]],
  ["POST", "/v1/uploads", { "tus-resumable": "1.0.0", "upload-length": "9" }, ["x-forwarded-host"]],
  ["POST", "/v1/files", {}, ["content-type", "multipart/form-data;boundary="]],
  ["POST", "/v1/files", {}, ["content-type", "text/plain;"]],
  ["POST", "/oauth2/token", {}, ["authorization", "Basic "]],
  ["POST", "/a2a", JSON_TYPE, ["a2a-version"]],
  ["POST", "/a2a", JSON_TYPE, ["a2a-extensions"]],
  ["POST", "/mcp", JSON_TYPE, ["mcp-session-id"]],
  ["OPTIONS", "/v1/conversations", { origin: "https://a.example" }, ["access-control-request-headers"]],
];

describe("F-HEAD-COSTS: the worst values", () => {
  // Most wires read headers by the same code: each after the first gets another third of the values of each header.
  test.each(TARGETS.map((target, i) => [target[0], target[1], target, i] as const))(
    "of headers are cheap in %s %s",
    async (_, __, [method, path, headers, body], turn) => {
      const slow: string[] = [];
      for (const [at, [name, before = ""]] of HEADERS.entries()) {
        for (const [i, value] of VALUES.entries()) {
          if (turn > 0 && (at + i) % 3 !== turn - 1 && process.env.TEST_KINDS !== "all") continue;
          const fault = await faultOf(method, path, { ...headers, [name]: before + value }, body);
          if (fault !== undefined) slow.push(`${name}: ${before}${value.slice(0, 10)}: ${fault}`);
        }
      }
      expect(slow).toEqual([]);
    },
  );

  test("of headers that one place reads are cheap there", async () => {
    const slow: string[] = [];
    for (const [method, path, headers, [name, before = ""]] of OWN) {
      for (const value of VALUES) {
        const to = path === "FILE" ? file : path;
        const fault = await faultOf(method, to, { ...headers, [name]: before + value });
        if (fault !== undefined) slow.push(`${path} ${name}: ${before}${value.slice(0, 10)}: ${fault}`);
      }
    }
    expect(slow).toEqual([]);
  });

  test("of queries and paths are cheap at every front door", async () => {
    const slow: string[] = [];
    const places = ["/v1/conversations", "/v1/files", "/v1/conversation", "/cc/conversations", "/hd/api/conversations"];
    places.push(
      "/api/v2/conversations",
      "/api/conversations",
      "/openai/v1/conversations",
      "/mcp",
      "/a2a",
      "/agui",
      "/api/chat",
    );
    const queries = [
      "a=1&",
      "page_size=1&",
      "limit=1&",
      "auth_token=a&",
      "%41=%42&",
      "labels[a]=1&",
      "a[b][c]=1&",
      "&",
      "=",
    ];
    for (const place of places) {
      const targets = [
        ...queries.map((query) => `${place}?${times(query, LENGTH - 200)}`),
        ...["/a", "%41", "a:", "%2F", "..;/", "9"].map((part) => `${place}/${times(part, LENGTH - 200)}`),
      ];
      for (const target of targets) {
        const fault = await faultOf("GET", target, {});
        if (fault !== undefined) slow.push(`${target.slice(0, 40)}: ${fault}`);
      }
    }
    expect(slow).toEqual([]);
  });
});

describe("F-HEAD-COSTS: a form", () => {
  const head = (boundary: string, more = "") =>
    `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="a"${more}\r\n\r\n`;
  const piece = (bytes: string | Buffer) => Buffer.alloc(64 * 1024, bytes);

  test.each([
    ["of nearly the longest boundary", `${"a".repeat(220)}`, piece("a")],
    ["of a boundary that is longer than any", "a".repeat(LENGTH), piece("a")],
    ["of line breaks", "x", piece("\r\n--")],
    ["of carriage returns", "x", piece("\r")],
    ["of dashes", "x".repeat(70), piece("-")],
  ])("%s is read or refused", async (_, boundary, bytes) => {
    async function* chunks() {
      yield Buffer.from(head(boundary));
      for (let i = 0; i < 8; i++) yield bytes;
      yield Buffer.from(`\r\n--${boundary}--\r\n`);
    }
    const read = async () => {
      const form = await readForm(`multipart/form-data; boundary=${boundary}`, chunks());
      for await (const _ of form.bytes) {
        // To its end.
      }
    };
    const { ms } = await look(() => read().catch((error) => expect(error.message).toMatch(/form/)));
    expect(ms).toBeLessThan(MAX_MS);
  });

  test.each([
    ["one long header", `; ${times("x=y; ", 15 * 1024)}`],
    ["quotes", `; x="${times('\\"', 15 * 1024)}"`],
    ["many headers", `\r\n${times("a: b\r\n", 15 * 1024)}a: b`],
    ["percent signs", `; filename*=utf-8''${times("%41", 15 * 1024)}`],
  ])("whose part has %s is read or refused", async (_, more) => {
    async function* chunks() {
      yield Buffer.from(`${head("x", more)}bytes\r\n--x--\r\n`);
    }
    const read = async () => {
      const form = await readForm("multipart/form-data; boundary=x", chunks());
      for await (const _ of form.bytes) {
        // To its end.
      }
    };
    const { ms } = await look(() => read().catch((error) => expect(error.message).toMatch(/form|body/)));
    expect(ms).toBeLessThan(MAX_MS);
  });
});

describe("F-HEAD-COSTS: tokens", () => {
  test("of many claims, and of an issuer with as many keys as are read, are verified or refused", async () => {
    const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), alg: "ES256" };
    // About the 1 MiB that a key set may have.
    const keys = Array.from({ length: 6_000 }, (_, i) => ({ ...jwk, kid: `k${i}` }));
    const issuer = { issuer: "https://a.example", audience: ["a"], algorithms: ["ES256"], tenants: undefined };
    const source = keySource({ load: async () => ({ keys }) });
    const tokens = new Tokens({ issuers: [{ ...issuer, local: false, keys: source }] as never });
    const role = Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`r${i}`, 1]));
    const claims = { sub: "ann", role, iss: issuer.issuer, aud: "a" };
    const sign = (header: object) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: "ES256", ...header })
        .setExpirationTime("1h")
        .sign(privateKey);
    for (const header of [{ kid: "k5999" }, { kid: "none" }, {}]) {
      const token = await sign(header);
      expect(token.length).toBeGreaterThan(10_000);
      expect(token.length).toBeLessThan(16 * 1024);
      const { ms } = await look(() =>
        tokens.verify(token).catch((error) => expect(error.message).toContain("refused")),
      );
      expect(ms).toBeLessThan(MAX_MS);
    }
  });
});

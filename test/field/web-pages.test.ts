// A4: web pages of others reach a development server that trusts its callers, and must not do anything there.
import { randomUUID } from "node:crypto";
import { get } from "node:http";
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { bindingsOf } from "../../src/protocols/rest/binding/binding.ts";
import { TABLES } from "../../src/store/orm/tables.ts";
import { ask, openHttp2, speak } from "../support/calls/sockets.ts";
import { dialectServices, ownServices } from "../support/servers/contract.ts";
import { type DialectServer, startDialects } from "../support/servers/dialect-server.ts";
import type { Credential } from "../support/servers/identity-server.ts";

const PREFIXES = {
  callcenter: "/cc",
  crm: "/crm",
  assistant: "/as",
  workorder: "/wo",
  helpdesk: "/hd",
  openai: "/oa",
} as const;
const COMPAT = Object.entries(PREFIXES)
  .map(([name, prefix]) => `${name}${prefix}`)
  .join(",");

let server: DialectServer;
let key: Credential;
let root: Credential;
let member: Credential;
let port: number;
beforeAll(async () => {
  server = await startDialects(COMPAT, { COLLOQUY_HOSTS: "Named.example, 192.0.2.7" });
  key = (await server.tenant.key("read", "write", "admin")).credential;
  root = await server.server.superAdmin();
  member = await server.tenant.token(randomUUID());
  port = Number(new URL(server.server.url).port);
});
afterAll(() => server.close());

interface Place {
  readonly method: DescMethod;
  readonly verb: string;
  readonly path: string;
  readonly takesBody: boolean;
}

/** Whom a method lets in: the body is looked at after that. */
function credentialFor({ method }: Place): Credential {
  if (method.parent.typeName.endsWith("TenantService")) return root;
  return method.parent.typeName.includes(".workorder.") ? member : key;
}

/** Every REST route of the contract and of the dialects, its variables filled in. */
function routes(): Place[] {
  const of = (service: DescService, prefix: string): Place[] =>
    service.methods.flatMap((method) =>
      bindingsOf(method, prefix).map(({ verb, pattern, body }) => ({
        method,
        verb,
        path: pattern.replace(/\{[^}]*\}/g, randomUUID()),
        // A HttpBody is bytes, whatever their type, and needs a credential.
        takesBody: body.kind !== "none" && !["ImportConversations", "CreateFile"].includes(method.name),
      })),
    );
  const prefixOf = ({ typeName }: DescService) =>
    Object.entries(PREFIXES).find(([name]) => typeName.startsWith(`colloquy.compat.${name}.`))?.[1] ?? "";
  return [...ownServices, ...dialectServices].flatMap((service) => of(service, prefixOf(service)));
}

/** How many rows the tenant has in each table. */
async function rowCounts(): Promise<Record<string, number>> {
  const names = TABLES.entities.map((entity) => (entity as unknown as { meta: { tableName: string } }).meta.tableName);
  const counts: Record<string, number> = {};
  // That a key follows the tenant's feed is kept, so that its writers see to it.
  // Keys of servers and the name of the database's history belong to no tenant. Where the chain of audit entries ends changes of
  // itself.
  const others = ["server_key", "wal_branch", "audit_chain"];
  for (const name of names.filter((one) => !one.startsWith("feed") && !others.includes(one))) {
    const own = name === "tenant" ? "id" : "tenant_id";
    const text = `select count(*)::int as rows from "${name}" where ${own} = $1`;
    const statement = { name: `test_count_${name}`, text };
    const [row] = await server.server.database.query<{ rows: number }>(statement, [server.tenant.id]);
    counts[name] = row?.rows ?? -1;
  }
  return counts;
}

const CREATE = { assistant: { userId: randomUUID(), title: "t" }, helpdesk: { user_id: 4242, agent: "a", title: "t" } };
const CREATE_AT = { assistant: "/as/api/conversations", helpdesk: "/hd/api/conversations" } as const;
const trusting = ["assistant", "helpdesk"] as const;

describe("a body", () => {
  const types = [
    undefined,
    "text/plain",
    "text/plain;charset=UTF-8",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
  ];
  const places = routes().filter(({ takesBody }) => takesBody);
  const cases = places.flatMap((place) =>
    types.map((type) => ({ ...place, type, label: `${place.verb} ${place.method}` })),
  );

  test.each(cases)("A4: $label said to be $type is 415", async ({ type, ...place }) => {
    const { verb, path } = place;
    const headers = [
      ...(type === undefined ? [] : [`content-type: ${type}`]),
      `authorization: ${credentialFor(place).authorization}`,
    ];
    const head = `${verb} ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${headers.join("\r\n")}\r\n`;
    for (const sent of [
      `${head}content-length: 2\r\n\r\n{}`,
      `${head}transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
    ]) {
      const { statuses, text } = await speak(port, [sent]);
      expect([statuses, text]).toEqual([[415], expect.stringContaining("content-type")]);
    }
  });

  test.each(trusting)(
    "A4: to %s without a credential makes nothing, and says what curl has to add",
    async (dialect) => {
      const before = await rowCounts();
      for (const type of ["", "content-type: application/x-www-form-urlencoded\r\n"]) {
        const body = JSON.stringify(CREATE[dialect]);
        const head = `POST ${CREATE_AT[dialect]} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${type}`;
        const { statuses, text } = await speak(port, [`${head}content-length: ${body.length}\r\n\r\n${body}`]);
        expect([statuses, text]).toEqual([[415], expect.stringContaining("-H 'Content-Type: application/json'")]);
      }
      expect(await rowCounts()).toEqual(before);
    },
  );

  test.each(["connect+json", "proto", ""])(
    "A4: a call of the RPC protocols as %j is not taken for another",
    async (type) => {
      const path = "/colloquy.v1.ConversationService/CreateConversation";
      const said = type === "" ? "" : `content-type: application/${type}\r\n`;
      const head = `POST ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: ${key.authorization}\r\n`;
      const { statuses } = await speak(port, [`${head}${said}content-length: 2\r\n\r\n{}`]);
      expect(statuses).not.toEqual([200]);
    },
  );

  test("A4: no body needs no type", async () => {
    const { json } = await server.http("POST", "/v1/conversations", { body: {}, credential: key });
    const head = `POST /v1/conversations/${json.id}:close HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n`;
    const sent = `${head}authorization: ${key.authorization}\r\ncontent-length: 0\r\n\r\n`;
    expect((await speak(port, [sent])).statuses).not.toEqual([415]);
  });
});

describe("a host name", () => {
  const refused = [
    "evil.example",
    `evil.example:8080`,
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil-localhost",
    "198.51.100.7",
    "[2001:db8::1]:80",
    "named.example.evil.example",
    "0.0.0.0",
    "128.0.0.1",
  ];
  const taken = [
    "localhost",
    "LocalHost:9",
    "localhost.",
    "app.localhost",
    "127.0.0.1",
    "127.8.9.1:80",
    "[::1]:8080",
    ":80",
    "",
  ];
  const named = ["named.example", "NAMED.example.:443", "192.0.2.7:1"];
  const paths = ["/v1/whoAmI", "/openapi.json", "/metrics", "/as/api/conversations", "/nothing", "/oauth2/token"];

  test.each(refused)("A4: Host %j is refused with 421 on every path, and health is told", async (host) => {
    for (const path of paths) {
      const { statuses, text } = await speak(port, [
        `GET ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`,
      ]);
      expect([path, statuses, text]).toEqual([path, [421], expect.stringContaining("COLLOQUY_HOSTS")]);
    }
    const absolute = `GET http://${host}/metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`;
    expect((await speak(port, [absolute])).statuses).toEqual([421]);
    const health = ["/healthz", "/readyz"].map((path) => `GET ${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    expect((await speak(port, health)).statuses).toEqual([200, 200]);
  });

  test.each(refused)("A4: :authority %j is refused with 421, for calls too", async (authority) => {
    const session = openHttp2(server.server.url);
    const head = { ":authority": authority, ":path": "/colloquy.v1.AccessService/WhoAmI" };
    for (const type of ["application/grpc", "application/proto", "application/json"]) {
      const call = { ...head, ":method": "POST", "content-type": type, ...key };
      expect((await ask(session, call, Buffer.alloc(5))).status).toBe(421);
    }
    expect((await ask(session, { ...head, ":path": "/metrics" })).status).toBe(421);
    session.destroy();
  });

  test.each([...taken, ...named])("A4: Host %j is taken", async (host) => {
    const sent = `GET /openapi.json HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`;
    expect((await speak(port, [sent])).statuses).toEqual([200]);
  });
});

describe("a page", () => {
  const foreign: Record<string, string>[] = [
    { origin: "https://evil.example" },
    { origin: "null" },
    { origin: "http://localhost.evil.example" },
    { origin: "https://evil.example", "sec-fetch-site": "same-origin" },
    { "sec-fetch-site": "cross-site" },
  ];
  const own: Record<string, string>[] = [
    {},
    { origin: "http://localhost:5173", "sec-fetch-site": "same-site" },
    { origin: "http://named.example:99", host: "named.example:99" },
    { "sec-fetch-site": "same-origin" },
    { "sec-fetch-site": "none" },
  ];
  const status = async (verb: string, path: string, headers: Record<string, string>, body?: object) => {
    const lines = Object.entries({ host: "localhost", connection: "close", ...headers }).map(
      ([n, v]) => `${n}: ${v}\r\n`,
    );
    const raw = body === undefined ? "" : JSON.stringify(body);
    const typed = body === undefined ? "" : "content-type: application/json\r\n";
    const sent = `${verb} ${path} HTTP/1.1\r\n${lines.join("")}${typed}content-length: ${raw.length}\r\n\r\n${raw}`;
    return (await speak(port, [sent])).statuses[0];
  };

  describe.each(trusting)("calling %s without a credential", (dialect) => {
    const list = {
      assistant: `/as/api/conversations?userId=${randomUUID()}`,
      helpdesk: "/hd/api/conversations?user_id=31",
    }[dialect];
    const change = { assistant: "/as/api/conversations", helpdesk: "/hd/api/conversations/1" }[dialect];
    let before: Record<string, number>;
    beforeEach(async () => {
      before = await rowCounts();
    });

    test.each(foreign)("A4: of a foreign origin (%j) is refused and makes nothing", async (headers) => {
      expect(await status("POST", CREATE_AT[dialect], headers, CREATE[dialect])).toBe(403);
      expect(await status("GET", list, headers)).toBe(403);
      expect(await status("DELETE", change, headers)).toBe(403);
      const rpc = `/colloquy.compat.${dialect}.v1.ConversationService/CreateConversation`;
      expect(await status("POST", rpc, headers, CREATE[dialect])).toBe(403);
      expect(await rowCounts()).toEqual(before);
    });

    test.each(own)("A4: of its own (%j) is served", async (headers) => {
      expect(await status("GET", list, headers)).toBe(200);
      expect(await rowCounts()).toEqual(before);
      expect(await status("POST", CREATE_AT[dialect], headers, CREATE[dialect])).toBeLessThan(300);
    });
  });

  test("A4: of a foreign origin with a credential is who the credential says", async () => {
    expect(await status("GET", "/v1/whoAmI", { origin: "https://evil.example", ...key })).toBe(200);
  });
});

describe("a GET", () => {
  const reads = routes().filter(({ verb }) => verb === "GET");
  const queries = ["", `?userId=${randomUUID()}`, "?user_id=777", `?user_id=${randomUUID()}`];

  test.each(reads.map((place) => ({ ...place, label: String(place.method) })))(
    "A4: $label makes nothing",
    async ({ path, method }) => {
      const before = await rowCounts();
      for (const query of queries) {
        for (const headers of [{}, key, { ...key, "x-act-for": "nobody" }]) {
          // A stream that stays open is left.
          const answered = Promise.withResolvers<number | undefined>();
          const request = get(server.server.url + path + query, { headers }, (response) =>
            answered.resolve(response.statusCode),
          );
          request.on("error", answered.reject);
          expect([String(method), await answered.promise]).not.toEqual([String(method), 500]);
          request.on("error", () => {}).destroy();
        }
      }
      expect(await rowCounts()).toEqual(before);
    },
  );

  test("A4: whoever only read may be met later", async () => {
    const userId = randomUUID();
    expect((await server.http("GET", `/as/api/conversations?userId=${userId}`)).json).toMatchObject({
      conversations: [],
    });
    expect((await server.http("POST", "/as/api/conversations", { body: { userId, title: "t" } })).status).toBe(201);
    expect((await server.http("GET", `/as/api/conversations?userId=${userId}`)).json.conversations).toHaveLength(1);
  });
});

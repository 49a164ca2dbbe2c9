// A21: a dialect's own port serves that dialect. A15: callers that leave a stream are no failures.
import { once } from "node:events";
import { createServer } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { type AddressInfo, connect } from "node:net";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

interface Line {
  readonly level: number;
  readonly method?: string;
  readonly wire?: string;
  readonly reason?: string;
  readonly code?: string;
}

const lines: Line[] = [];
const waiting = new Set<() => void>();
const logger = pino(
  { level: "debug" },
  {
    write(text: string) {
      lines.push(JSON.parse(text) as Line);
      for (const wake of waiting) wake();
    },
  },
);

async function logged(is: (line: Line) => boolean): Promise<Line> {
  for (;;) {
    const found = lines.find(is);
    if (found !== undefined) return found;
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.add(resolve);
    await promise;
    waiting.delete(resolve);
  }
}

let server: IdentityServer;
let key: Credential;
let own: string;
beforeAll(async () => {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  server = await startIdentityServer({ logger, environment: { COLLOQUY_COMPAT: `helpdesk@${port},assistant` } });
  own = `http://127.0.0.1:${port}`;
  key = (await (await server.tenant()).key("read", "write", "admin")).credential;
});
afterAll(() => server.close());

describe("a dialect's own port", () => {
  const status = async (url: string, method = "GET") => {
    const headers = { ...key, ...(method === "POST" && { "content-type": "application/json" }) };
    return (await fetch(url, { method, headers, ...(method === "POST" && { body: "{}" }) })).status;
  };

  test.each([
    ["GET", "/metrics"],
    ["GET", "/docs"],
    ["GET", "/openapi.json"],
    ["GET", "/openapi/helpdesk.json"],
    ["GET", "/.well-known/jwks.json"],
    ["POST", "/oauth2/token"],
    ["GET", "/v1/whoAmI"],
    ["GET", "/v1/conversations"],
    ["POST", "/colloquy.v1.AccessService/WhoAmI"],
    ["POST", "/colloquy.v1.AccessService/CreateApiKey"],
    ["POST", "/colloquy.compat.assistant.v1.ConversationService/CreateConversation"],
    ["POST", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"],
  ])("A21: has no %s %s", async (method, path) => {
    expect(await status(own + path, method)).toBe(404);
  });

  test("A21: serves the dialect, over REST and RPC, and health; the rest is on the server's port", async () => {
    expect(await status(`${own}/api/conversations?user_id=1`)).toBe(200);
    const rpc = "/colloquy.compat.helpdesk.v1.ConversationService/ListConversations";
    expect(await status(own + rpc, "POST")).toBe(400);
    for (const path of ["/healthz", "/readyz"]) expect(await status(own + path)).toBe(200);
    expect(await status(`${own}/grpc.health.v1.Health/Check`, "POST")).toBe(200);
    for (const path of ["/metrics", "/openapi.json"]) expect(await status(server.url + path)).toBe(200);
  });
});

describe("a follower that leaves", () => {
  const RPC = "/colloquy.v1.EventService/Subscribe";
  const EMPTY = Buffer.from([0, 0, 0, 0, 0]);
  const JSON_EMPTY = Buffer.from([0, 0, 0, 0, 2, 0x7b, 0x7d]);
  const forms = [
    ["rest", "GET", "/v1/conversations:subscribe", { accept: "text/event-stream" }, undefined],
    ["rest", "GET", "/v1/conversations:subscribe", { accept: "application/x-ndjson" }, undefined],
    ["connect", "POST", RPC, { "content-type": "application/connect+json" }, JSON_EMPTY],
    ["grpc-web", "POST", RPC, { "content-type": "application/grpc-web+proto" }, EMPTY],
    ["grpc", "POST", RPC, { "content-type": "application/grpc", te: "trailers" }, EMPTY],
  ] as const;

  /** A call that is reset once the server has seen it, before it has a body. */
  async function resetEarly(url: string, path: string, id: string, headers: object): Promise<void> {
    const session = connectHttp2(url);
    const stream = session.request({ ":method": "POST", ":path": path, "x-request-id": id, ...headers, ...key });
    stream.on("error", () => {});
    // Streams come in order: this one has its answer once the server has seen that one.
    const other = session.request({ ":path": "/healthz" }).resume();
    await once(other, "response");
    stream.close(8);
    await gone(wireOf(id), id);
    session.destroy();
  }
  const wireOf = (id: string) => id.replace(/^.*early-/, "");

  async function gone(wire: string, id: string): Promise<void> {
    const line = await logged((one) => (one as { requestId?: string }).requestId === id && one.code !== undefined);
    expect(line).toMatchObject({ wire, reason: "CANCELLED", code: "canceled", level: 20 });
    expect(lines.filter(({ level }) => level >= 40)).toEqual([]);
  }

  test.each(forms)(
    "A15: over HTTP/2 (%s %s %s %j) is CANCELLED, at debug",
    async (wire, method, path, headers, body) => {
      const ways = [(close: () => void, _: () => void) => close(), (_: () => void, destroy: () => void) => destroy()];
      for (const [i, leave] of ways.entries()) {
        const id = `h2-${i}-${wire}-${Object.values(headers)
          .join("")
          .replace(/[^a-z]/g, "")}`;
        const session = connectHttp2(server.url);
        const sent = { ":method": method, ":path": path, "x-request-id": id, ...headers, ...key };
        const stream = session.request(sent, { endStream: body === undefined });
        stream.on("error", () => {});
        if (body !== undefined) stream.end(body);
        await once(stream, "response");
        leave(
          () => stream.close(8),
          () => session.destroy(),
        );
        await gone(wire, id);
        session.destroy();
      }
    },
  );

  test.each(forms.slice(2))(
    "A15: before its body is there over HTTP/2 (%s %s %s %j) is CANCELLED, at debug",
    (wire, _, path, headers) => resetEarly(server.url, path, `h2-early-${wire}`, headers),
  );

  test("A15: before its body is there, where the fast paths are off, is CANCELLED, at debug", async () => {
    const environment = { COLLOQUY_UNARY: "off", COLLOQUY_STREAMS: "off", COLLOQUY_COMPAT: "none" };
    const plain = await startIdentityServer({ logger, environment, beside: server });
    for (const [wire, , path, headers] of forms.slice(2)) {
      await resetEarly(plain.url, path, `plain-early-${wire}`, headers);
      if (wire === "connect") continue;
      await resetEarly(plain.url, "/colloquy.v1.AccessService/WhoAmI", `plain-unary-early-${wire}`, headers);
    }
    await plain.close();
  });

  test.each(forms.slice(0, 4))(
    "A15: over HTTP/1.1 (%s %s %s %j) is CANCELLED, at debug",
    async (wire, method, path, headers, body) => {
      const { hostname, port } = new URL(server.url);
      const id = `h1-${wire}-${Object.values(headers)
        .join("")
        .replace(/[^a-z]/g, "")}`;
      const socket = connect(Number(port), hostname);
      const all = {
        host: "localhost",
        "x-request-id": id,
        ...headers,
        ...key,
        "content-length": String(body?.length ?? 0),
      };
      socket.write(
        `${method} ${path} HTTP/1.1\r\n${Object.entries(all)
          .map(([n, v]) => `${n}: ${v}\r\n`)
          .join("")}\r\n`,
      );
      if (body !== undefined) socket.write(body);
      await once(socket, "data");
      socket.destroy();
      await gone(wire, id);
    },
  );
});

// What operators, browsers and other parts of the house find at the port.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DomainError, ErrorReason } from "../../src/domain/errors.ts";
import type { HttpHandler } from "../../src/protocols/http/request.ts";
import { answer } from "../../src/protocols/http/response.ts";
import { EchoService } from "../gen/colloquy/test/v1/echo_pb.ts";
import { echoClient, PROTOCOLS } from "../support/calls/clients.ts";
import { ask, openHttp2 } from "../support/calls/sockets.ts";
import { failureOf } from "../support/errors.ts";
import { ECHO, type EchoServer, startEchoServer, TENANT, TOKEN } from "../support/servers/echo-server.ts";

describe("a server", () => {
  let server: EchoServer;
  const openapi: HttpHandler = (_, response) => {
    answer(response, 200, { "content-type": "application/json" }, '{"openapi":"3.1.0"}');
    return true;
  };
  const rest: HttpHandler = async (request, response) => {
    if (!(request.url ?? "").startsWith("/v1/")) return false;
    if (request.url === "/v1/broken") throw new Error("a fault of the handler");
    answer(response, 201, {}, "made");
    return true;
  };
  beforeAll(async () => {
    server = await startEchoServer({
      routes: new Map([["/openapi.json", openapi]]),
      handlers: [rest],
      corsOrigins: ["https://app.example.com"],
      loopbackCors: false,
    });
  });
  afterAll(() => server.close());

  const get = (path: string, init: RequestInit = {}) => fetch(server.url + path, init);

  it("says that it lives, and whether it is ready", async () => {
    expect((await get("/healthz")).status).toBe(200);
    const ready = await get("/readyz");
    expect([ready.status, await ready.text()]).toEqual([200, "ready\n"]);
    server.readiness.ready = false;
    const not = await get("/readyz?verbose");
    expect([not.status, await not.text()]).toEqual([503, "not ready\n"]);
    expect((await get("/healthz")).status).toBe(200);
    server.readiness.ready = true;
    const post = await get("/readyz", { method: "POST" });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  it("counts and times calls by method, wire and code", async () => {
    const client = echoClient(server.url, "grpc");
    await client.peek({ text: "a" });
    await failureOf(client.peek({ text: "" }));
    await get("/nothing");
    const response = await get("/metrics");
    expect(response.headers.get("content-type")).toContain("text/plain");
    const text = await response.text();
    const labels = 'method="/colloquy.test.v1.EchoService/Peek",wire="grpc"';
    expect(text).toContain(`colloquy_rpc_started_total{${labels}} 2`);
    expect(text).toContain(`colloquy_rpc_handled_total{${labels},code="ok"} 1`);
    expect(text).toContain(`colloquy_rpc_handled_total{${labels},code="invalid_argument"} 1`);
    expect(text).toContain(`colloquy_rpc_seconds_count{${labels},kind="unary"} 2`);
    expect(text).toContain('colloquy_rpc_handled_total{method="unknown",wire="connect",code="unimplemented"} 1');
    expect(text).toContain("process_resident_memory_bytes");
  });

  it("gives paths to the handlers it was built with, over HTTP/1.1 and HTTP/2", async () => {
    expect(await (await get("/openapi.json")).json()).toEqual({ openapi: "3.1.0" });
    expect((await get("/v1/things?a")).status).toBe(201);
    const session = openHttp2(server.url);
    expect(await ask(session, { ":path": "/v1/things", ":authority": "x" })).toMatchObject({
      status: 201,
      body: "made",
    });
    expect(await ask(session, { ":path": "/openapi.json", ":authority": "x" })).toMatchObject({ status: 200 });
    session.destroy();
  });

  it("answers 500 without a word when a handler breaks, and logs it", async () => {
    const response = await get("/v1/broken");
    expect([response.status, await response.text()]).toEqual([500, "internal error\n"]);
    const line = await server.logged(({ msg }) => msg === "a handler failed");
    expect(line.err).toMatchObject({ type: "Error", message: "a fault of the handler" });
  });

  describe("for browsers", () => {
    const preflight = (origin: string) =>
      get(ECHO, {
        method: "OPTIONS",
        headers: {
          origin,
          "access-control-request-method": "POST",
          "access-control-request-headers": "authorization,connect-protocol-version",
        },
      });

    it("answers a preflight of an origin on its list", async () => {
      const response = await preflight("https://app.example.com");
      expect(response.status).toBe(204);
      expect(response.headers.get("access-control-allow-origin")).toBe("https://app.example.com");
      expect(response.headers.get("access-control-allow-methods")).toContain("POST");
      const allowed = response.headers.get("access-control-allow-headers")?.toLowerCase();
      for (const name of [
        "authorization",
        "connect-protocol-version",
        "connect-timeout-ms",
        "x-grpc-web",
        "grpc-timeout",
        "idempotency-key",
        "x-act-for",
      ]) {
        expect(allowed).toContain(name);
      }
      expect(response.headers.get("access-control-max-age")).toBe("7200");
      expect(response.headers.get("vary")).toBe("Origin");
    });

    it("grants nothing to another origin", async () => {
      for (const origin of [
        "https://evil.example.com",
        "http://app.example.com",
        "https://app.example.com.evil.com",
        "null",
        "http://localhost:5173",
      ]) {
        const response = await preflight(origin);
        expect(response.headers.get("access-control-allow-origin")).toBeNull();
        expect(response.headers.get("access-control-allow-headers")).toBeNull();
        expect(response.headers.get("vary")).toBe("Origin");
      }
    });

    it("lets scripts see the headers of answers, of errors too", async () => {
      const response = await get(ECHO, {
        method: "POST",
        headers: { origin: "https://app.example.com", "content-type": "application/json" },
        body: "{}",
      });
      expect(response.status).toBe(401);
      expect(response.headers.get("access-control-allow-origin")).toBe("https://app.example.com");
      const exposed = response.headers.get("access-control-expose-headers")?.toLowerCase();
      for (const name of [
        "grpc-status",
        "grpc-message",
        "grpc-status-details-bin",
        "x-request-id",
        "retry-after",
        "ratelimit",
      ]) {
        expect(exposed).toContain(name);
      }
    });

    it.each([
      ["connect", createConnectTransport],
      ["grpc-web", createGrpcWebTransport],
    ] as const)("serves connect-web's %s transport", async (_, create) => {
      const transport = create({
        baseUrl: server.url,
        useHttpGet: true,
        interceptors: [
          (next) => (request) => {
            request.header.set("authorization", `Bearer ${TOKEN}`);
            return next(request);
          },
        ],
      } as Parameters<typeof createConnectTransport>[0]);
      const client = createClient(EchoService, transport);
      expect((await client.echo({ text: "hi" })).text).toBe("hi");
      expect((await client.peek({ text: "hi" })).text).toBe("hi");
      const texts: string[] = [];
      for await (const { text } of client.repeat({ text: "x", times: 3 })) texts.push(text);
      expect(texts).toEqual(["x", "x", "x"]);
      expect(await failureOf(client.echo({ behave: "missing" }))).toMatchObject({ reason: "NOT_FOUND" });
    });
  });
});

describe("a development server", () => {
  it("lets any origin on this machine call, and no other", async () => {
    const server = await startEchoServer({ loopbackCors: true });
    const allowed = async (origin: string) =>
      (await fetch(`${server.url}/healthz`, { headers: { origin } })).headers.get("access-control-allow-origin");
    for (const origin of [
      "http://localhost:5173",
      "http://127.0.0.1:3000",
      "https://[::1]:8080",
      "http://app.localhost",
    ]) {
      expect(await allowed(origin)).toBe(origin);
    }
    for (const origin of [
      "http://localhost.evil.com",
      "http://evil.com",
      "http://127.0.0.1.evil.com",
      "null",
      "file://",
    ]) {
      expect(await allowed(origin)).toBeNull();
    }
    await server.close();
  });
});

describe("the log", () => {
  it("has one line a call, with what an operator needs and nothing that a caller sent", async () => {
    const server = await startEchoServer();
    const canary = "CANARY-7f3a";
    for (const protocol of PROTOCOLS) {
      const headers = { "x-request-id": `id-${protocol}`, "idempotency-key": `${canary}-key` };
      const client = echoClient(server.url, protocol);
      await client.echo({ text: canary, metadata: { [canary]: canary } }, { headers });
      await failureOf(client.echo({ text: canary, behave: "crash" }));
      await failureOf(client.echo({ text: `${canary}\0`, labels: { [`${canary}\0`]: canary } }));
      await failureOf(echoClient(server.url, protocol, { token: canary }).echo({}));
    }
    for (const path of [
      `${ECHO}?auth_token=${canary}`,
      `/${canary}/x?${canary}`,
      `/colloquy.test.v1.EchoService/Peek?message=${canary}&encoding=json`,
    ]) {
      await fetch(server.url + path, {
        headers: { cookie: canary, "x-api-key": canary, referer: canary, "user-agent": canary },
      });
      await fetch(server.url + path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: `{"${canary}":`,
      });
    }
    await server.close();
    expect(server.logText()).not.toContain("CANARY");
    expect(server.lines).toHaveLength(PROTOCOLS.length * 4 + 6);
    for (const protocol of PROTOCOLS) {
      expect(server.lines.find((line) => line.requestId === `id-${protocol}`)).toEqual({
        level: "info",
        time: expect.any(String),
        method: ECHO,
        wire: protocol,
        requestId: `id-${protocol}`,
        tenant: TENANT,
        code: "ok",
        durationMs: expect.any(Number),
        msg: "call",
      });
    }
    const crash = server.lines.find(({ code }) => code === "internal");
    expect(crash).toMatchObject({
      level: "error",
      reason: "INTERNAL",
      err: { type: "Error", message: "a fault nobody foresaw" },
    });
  });
});

describe("rate limits", () => {
  it("come before the body is read, with their headers on the answer", async () => {
    const server = await startEchoServer({
      limit(context) {
        context.setHeader("ratelimit", '"default";r=0;t=2');
        throw new DomainError(ErrorReason.RATE_LIMITED, "too many calls", { retryAfterMs: 1_200 });
      },
    });
    const response = await fetch(server.url + ECHO, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${TOKEN}` },
      body: "not even JSON",
    });
    expect(response.status).toBe(429);
    expect(response.headers.get("ratelimit")).toBe('"default";r=0;t=2');
    expect(response.headers.get("retry-after")).toBe("2");
    expect(await failureOf(echoClient(server.url, "grpc").echo({}))).toMatchObject({
      reason: "RATE_LIMITED",
      retrySeconds: 1.2,
    });
    await server.close();
  });
});

describe("with TLS", () => {
  it("speaks HTTP/2 and HTTP/1.1 by ALPN", async () => {
    const directory = mkdtempSync(join(tmpdir(), "colloquy-tls-"));
    const certFile = join(directory, "cert.pem");
    const keyFile = join(directory, "key.pem");
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "1",
        ...subject,
        "-keyout",
        keyFile,
        "-out",
        certFile,
      ],
      { stdio: "ignore" },
    );
    const server = await startEchoServer({ tls: { certFile, keyFile } });
    expect(server.url).toMatch(/^https:/);
    const status = await new Promise((resolve, reject) => {
      httpsRequest(`${server.url}/healthz`, { rejectUnauthorized: false }, (response) =>
        resolve(response.resume().statusCode),
      )
        .on("error", reject)
        .end();
    });
    expect(status).toBe(200);
    const session = connectHttp2(server.url, { rejectUnauthorized: false });
    const answered = await ask(
      session,
      { ":method": "POST", ":path": ECHO, "content-type": "application/json", authorization: `Bearer ${TOKEN}` },
      Buffer.from("{}"),
    );
    expect(session.alpnProtocol).toBe("h2");
    expect(answered.status).toBe(200);
    session.destroy();
    await server.close();
    rmSync(directory, { recursive: true });
  });
});

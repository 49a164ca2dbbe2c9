// F-EXPECT: a client that asks before it sends its body (RFC 9110 §10.1.1) is told at once: to send it, or what is
// wrong. Reported of others as a second's wait, a hang or a needless upload: ratpack#852, bottle#844, dusty#163, bun#34960, lua-http#239.
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { frame } from "../support/calls/raw-call.ts";
import { ECHO, type EchoServer, startEchoServer, TOKEN } from "../support/servers/echo-server.ts";

const BODY = Buffer.from('{"text":"hi"}');

interface Case {
  readonly name: string;
  readonly path: string;
  readonly type: string;
  readonly body: Buffer;
  readonly more?: Readonly<Record<string, string>>;
}
const GOOD: readonly Case[] = [
  { name: "a unary call", path: ECHO, type: "application/json", body: BODY },
  { name: "a call of gRPC-Web", path: ECHO, type: "application/grpc-web+json", body: frame(BODY) },
  { name: "a REST call", path: "/e1/echo", type: "application/json", body: BODY },
  {
    name: "a server stream",
    path: ECHO.replace(/Echo$/, "Repeat"),
    type: "application/connect+json",
    body: frame(BODY),
  },
  {
    name: "a client stream",
    path: ECHO.replace(/Echo$/, "Collect"),
    type: "application/connect+json",
    body: frame(BODY),
  },
];

interface Told {
  readonly continued: boolean;
  readonly status: number;
}

describe.each([
  ["the lanes", {}],
  ["Connect's handlers", { unaryLane: false, streamLane: false }],
])("F-EXPECT: by %s", (_, lanes) => {
  let server: EchoServer;
  beforeAll(async () => {
    server = await startEchoServer({ rest: true, ...lanes });
  });
  afterAll(() => server.close());

  function headersOf({ type, more }: Case, length: number) {
    const own = { "content-type": type, "content-length": String(length), authorization: `Bearer ${TOKEN}` };
    return { ...own, expect: "100-continue", ...more };
  }

  /** Sends the body only when it is told to. */
  async function http1(one: Case, length = one.body.length): Promise<Told> {
    const request = httpRequest(server.url + one.path, { method: "POST", headers: headersOf(one, length) });
    let continued = false;
    request.on("continue", () => {
      continued = true;
      request.end(one.body);
    });
    request.on("error", () => {});
    request.flushHeaders();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    response.resume();
    request.destroy();
    return { continued, status: response.statusCode ?? 0 };
  }

  async function http2(one: Case, length = one.body.length): Promise<Told> {
    const session = connectHttp2(server.url);
    const request = session.request(
      { ":method": "POST", ":path": one.path, te: "trailers", ...headersOf(one, length) },
      { endStream: false },
    );
    let continued = false;
    request.on("continue", () => {
      continued = true;
      request.end(one.body);
    });
    request.on("error", () => {});
    const [headers] = await once(request, "response");
    session.destroy();
    return { continued, status: Number(headers[":status"]) };
  }

  const WIRES = [
    ["HTTP/1.1", http1],
    ["HTTP/2", http2],
  ] as const;

  /** Sends requests one behind the other on one connection, without waiting for anything; gives the status lines. */
  async function pipelined(
    ...requests: readonly (readonly [path: string, body: string, authorization?: string])[]
  ): Promise<string[]> {
    const { hostname, port, host } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    const head = [`Host: ${host}`, "Content-Type: application/json"];
    for (const [i, [path, body, authorization = `Bearer ${TOKEN}`]] of requests.entries()) {
      const last = i === requests.length - 1 ? ["Connection: close"] : [];
      const more = [
        `Authorization: ${authorization}`,
        "Expect: 100-continue",
        `Content-Length: ${Buffer.byteLength(body)}`,
        ...last,
      ];
      socket.write(`POST ${path} HTTP/1.1\r\n${[...head, ...more].join("\r\n")}\r\n\r\n${body}`);
    }
    let answers = "";
    for await (const chunk of socket) answers += String(chunk);
    // Each of them whole: nothing stands between a head and its body.
    expect(answers).not.toMatch(/\r\n\r\nHTTP/);
    return [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status ?? "");
  }

  test.each([
    ["that is no JSON", ECHO, '{"text":'],
    ["of another kind", ECHO, '{"text":5}'],
    ["that is no JSON, over REST", "/e1/echo", '{"text":'],
    ["that breaks a rule, over REST", "/e1/echo", '{"nope":1}'],
  ])(
    "one who does not wait, with a body %s, is told so, and the requests behind are answered",
    async (_, path, bad) => {
      const before = server.seen.entered;
      const good = BODY.toString();
      const answers = await pipelined([path, bad], [path, good], [path, bad], [path, good]);
      expect(answers).toEqual(["400", "200", "400", "200"]);
      // As many as were answered with success.
      expect(server.seen.entered).toBe(before + 2);
    },
  );

  test("one who does not wait and may not call is told so, and the requests behind are answered", async () => {
    const other = [ECHO, BODY.toString(), "Bearer bad"] as const;
    expect(await pipelined(other, [ECHO, BODY.toString()])).toEqual(["401", "200"]);
  });

  describe.each(WIRES)("over %s", (_name, send) => {
    test.each(GOOD)("$name is told to send its body", async (one) => {
      expect(await send(one)).toEqual({ continued: true, status: 200 });
    });

    test.each([
      ["no credential", { ...(GOOD[0] as Case), more: { authorization: "Bearer bad" } }, undefined, 401],
      ["too large a body", GOOD[0] as Case, 5 << 20, 429],
      ["too large a body over REST", GOOD[2] as Case, 5 << 20, 413],
      ["no such path", { ...(GOOD[0] as Case), path: "/nothing" }, undefined, 404],
    ] as const)("with %s it is told so, and sends nothing", async (_why, one, length, status) => {
      expect(await send(one, length)).toEqual({ continued: false, status });
    });
  });
});

// One bad packet kills nothing: each of these gets a proper answer or a closed connection, and the server goes on.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ask, openHttp2, speak } from "../support/calls/sockets.ts";
import { ECHO, type EchoServer, startEchoServer, TOKEN } from "../support/servers/echo-server.ts";

let server: EchoServer;
beforeAll(async () => {
  server = await startEchoServer({ limits: { headersTimeoutMs: 400 } });
});
afterAll(() => server.close());

async function expectAlive(): Promise<void> {
  const response = await fetch(server.url + ECHO, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${TOKEN}` },
    body: '{"text":"alive"}',
  });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ text: "alive" });
}
afterEach(expectAlive);

const BODY = '{"text":"hi"}';
const HEAD = `content-type: application/json\r\nauthorization: Bearer ${TOKEN}\r\ncontent-length: ${BODY.length}\r\n`;
const post = (host: string, target = ECHO, version = "HTTP/1.1", connection = "close") =>
  `POST ${target} ${version}\r\n${host}${HEAD}connection: ${connection}\r\n\r\n${BODY}`;
/** One of several on a connection. */
const postKeeping = (host: string, target = ECHO) => post(host, target, "HTTP/1.1", "keep-alive");

/** Values that name no host and port. */
const BAD_AUTHORITIES = [
  "[",
  "]",
  "[]",
  "[:",
  "[::1",
  "::1",
  "[::1]x",
  "[::1]:",
  "[::1]:99999",
  "[::g]",
  "[v1.x]",
  "[1.2.3.4]",
  "[fe80::1%25eth0]",
  "x:99999",
  "x:65536",
  "x:-1",
  "x:+1",
  "x:1:2",
  "x:80a",
  "x: 80",
  "%",
  "%zz",
  "a%20b",
  "a%2fb",
  "a^b",
  "a`b",
  "a|b",
  "a\\b",
  'a"b',
  '"x"',
  "<x>",
  "{x}",
  "a b",
  "a\tb",
  "a,b:x",
  "http://x",
  "https://x:80",
  "//x",
  "/x",
  "x/",
  "x/y",
  "x?y",
  "x#y",
  "@x",
  "u@x",
  "u:p@x",
  "x@",
  "999.999.999.999",
  "1.2.3.256",
  "1.2.3.4.5",
  "0x100000000",
  "4294967296",
  "256",
  "1..2..3",
  "é.example",
  "x\u007f",
  "\u00ff",
  "x".repeat(256),
  `${"a.".repeat(200)}b`,
  "x:0000080",
  "x:８０",
].filter((value) => value !== "[::1]:" && value !== "a,b:x" && value !== "256");
/** Values that do. */
const GOOD_AUTHORITIES = [
  "x",
  "x:80",
  "x:",
  "x:0",
  "x:65535",
  "X.Example.COM",
  "127.0.0.1",
  "127.0.0.1:8080",
  "[::1]",
  "[::1]:80",
  "[::ffff:1.2.3.4]",
  "a_b",
  "a-b.c~d",
  "localhost.",
  "1.2.3",
  "256",
  ":80",
  ":",
];

describe("over HTTP/1.1", () => {
  it.each(BAD_AUTHORITIES)("answers Host %j with 400", async (host) => {
    expect((await speak(server.port, [post(`host: ${host}\r\n`)])).statuses).toEqual([400]);
  });

  it.each(GOOD_AUTHORITIES)("F-HOST: takes Host %j", async (host) => {
    expect((await speak(server.port, [post(`host: ${host}\r\n`)])).statuses).toEqual([200]);
  });

  it("still answers on the same connection after a bad Host", async () => {
    expect((await speak(server.port, [postKeeping("host: [\r\n") + post("host: x\r\n")])).statuses).toEqual([400, 200]);
  });

  const hosts: Array<readonly [name: string, request: string]> = [
    ["no Host", post("")],
    ["two Hosts", post("host: x\r\nhost: y\r\n")],
    ["two equal Hosts", post("host: x\r\nHost: x\r\n")],
    ["a second Host that is empty", post("host: x\r\nhost:\r\n")],
    ["HTTP/1.0 with a bad Host", post("host: [\r\n", ECHO, "HTTP/1.0")],
    ["a folded Host", post("host: x\r\n y\r\n")],
    ["a space before the colon", post("host : x\r\n")],
    ["an absolute target with a bad authority", post("host: x\r\n", `http://[${ECHO}`)],
    ["an absolute target with user information", post("host: x\r\n", `http://u@x${ECHO}`)],
    ["an absolute target without authority", post("host: x\r\n", `http://${ECHO}`)],
    ["an absolute target of another scheme", post("host: x\r\n", `ftp://x${ECHO}`)],
    ["a target without a slash", post("host: x\r\n", ECHO.slice(1))],
    ["an asterisk for POST", post("host: x\r\n", "*")],
    ["a query alone", post("host: x\r\n", "?a")],
  ];
  it.each(hosts)("answers %s with 400", async (_, request) => {
    const { statuses } = await speak(server.port, [request]);
    expect(statuses).toEqual([400]);
  });

  it.each([
    ["an empty Host", post("host:\r\n")],
    ["a Host of spaces", post("host:   \r\n")],
    ["HTTP/1.0 without Host", post("", ECHO, "HTTP/1.0")],
  ])("takes %s, as RFC 9112 §3.2 has it", async (_, request) => {
    expect((await speak(server.port, [request])).statuses).toEqual([200]);
  });

  it("takes an absolute target, as RFC 9112 §3.2.2 wants", async () => {
    expect((await speak(server.port, [post("host: x\r\n", `http://y:1${ECHO}`)])).statuses).toEqual([200]);
    expect((await speak(server.port, ["GET http://y HTTP/1.1\r\nhost: y\r\n\r\n"])).statuses).toEqual([404]);
    expect((await speak(server.port, ["GET HTTP://y/healthz?a HTTP/1.1\r\nhost: y\r\n\r\n"])).statuses).toEqual([200]);
  });

  const targets = [
    "/%",
    "/%zz",
    "/%00",
    "/%ff%fe",
    "/%2e%2e/etc/passwd",
    "/../..",
    "/..;/x",
    "//",
    "//[",
    "///x",
    "/\\..\\x",
    "/a?b?c",
    "/?",
    "/#x",
    `${ECHO}/`,
    `${ECHO}%00`,
    `/${ECHO}`,
    `${ECHO};a=b`,
    `${ECHO}#x`,
    ECHO.toLowerCase(),
    ECHO.replace("E", "%45"),
    "/colloquy.test.v1.EchoService",
    "/colloquy.test.v1.EchoService/",
    "/colloquy.test.v1.EchoService/constructor",
    "/constructor",
    "/__proto__",
    "/toString/valueOf",
    "/<script>",
    "/'or 1=1--",
    "/%24{jndi:ldap://x}",
    "/\u00ff\u00fe",
    `/${"a".repeat(8_000)}`,
    `/?${"a".repeat(8_000)}`,
    "/[",
    "/]",
    "/{}",
    "/|",
    "/^",
    "/`",
    '/"',
  ];
  it.each(targets)("answers the target %j with 404 or 400", async (target) => {
    const { statuses } = await speak(server.port, [post("host: x\r\n", target)]);
    expect([[404], [400]]).toContainEqual(statuses);
  });

  it.each([`${ECHO}?`, `${ECHO}?%`, `${ECHO}?a=%zz&[`, `${ECHO}?//[`])("takes the target %j", async (target) => {
    expect((await speak(server.port, [post("host: x\r\n", target)])).statuses).toEqual([200]);
  });

  const host = "host: x\r\n";
  const auth = `authorization: Bearer ${TOKEN}\r\ncontent-type: application/json\r\n`;
  const chunked = "transfer-encoding: chunked\r\n";
  const start = `POST ${ECHO} HTTP/1.1\r\n${host}${auth}`;
  const smuggled = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
  /**
   * Each may be refused or its connection closed; what is hidden in it must not be answered as a request of its own.
   */
  const smuggling: Array<readonly [name: string, parts: string[]]> = [
    ["both lengths", [`${start}content-length: 4\r\n${chunked}\r\n0\r\n\r\n${smuggled}`]],
    ["both lengths, the other way", [`${start}${chunked}content-length: 4\r\n\r\n0\r\n\r\n${smuggled}`]],
    ["two lengths", [`${start}content-length: 2\r\ncontent-length: 50\r\n\r\n{}${smuggled}`]],
    ["a list of lengths", [`${start}content-length: 2, 50\r\n\r\n{}${smuggled}`]],
    ["a signed length", [`${start}content-length: +2\r\n\r\n{}${smuggled}`]],
    ["a negative length", [`${start}content-length: -2\r\n\r\n{}${smuggled}`]],
    ["a hexadecimal length", [`${start}content-length: 0x2\r\n\r\n{}${smuggled}`]],
    ["a fraction of a length", [`${start}content-length: 2.0\r\n\r\n{}${smuggled}`]],
    ["a length past 2^64", [`${start}content-length: 18446744073709551618\r\n\r\n{}${smuggled}`]],
    ["an empty length", [`${start}content-length:\r\n\r\n{}${smuggled}`]],
    ["a length with a letter", [`${start}content-length: 2a\r\n\r\n{}${smuggled}`]],
    ["a space in the encoding's name", [`${start}transfer-encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}`]],
    ["a folded encoding", [`${start}transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n${smuggled}`]],
    ["an unknown encoding", [`${start}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`]],
    ["chunked twice", [`${start}transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n${smuggled}`]],
    ["chunked not last", [`${start}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`]],
    ["an encoding with a vertical tab", [`${start}transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n${smuggled}`]],
    [
      "an encoding in HTTP/1.0",
      [`POST ${ECHO} HTTP/1.0\r\n${host}${auth}${chunked}content-length: 2\r\n\r\n{}${smuggled}`],
    ],
    ["a chunk size that is none", [`${start}${chunked}\r\nx\r\n{}\r\n0\r\n\r\n${smuggled}`]],
    ["a negative chunk size", [`${start}${chunked}\r\n-2\r\n{}\r\n0\r\n\r\n${smuggled}`]],
    ["a chunk size with 0x", [`${start}${chunked}\r\n0x2\r\n{}\r\n0\r\n\r\n${smuggled}`]],
    ["a chunk size past 2^64", [`${start}${chunked}\r\n10000000000000002\r\n{}\r\n0\r\n\r\n${smuggled}`]],
    ["a chunk longer than its size", [`${start}${chunked}\r\n2\r\n{}}\r\n0\r\n\r\n${smuggled}`]],
    ["a chunk with a bare line feed", [`${start}${chunked}\r\n2\n{}\n0\n\n${smuggled}`]],
    ["a chunk extension with a line feed", [`${start}${chunked}\r\n2;\n\r\n{}\r\n0\r\n\r\n${smuggled}`]],
    ["a bare carriage return in a header", [`${start}x: a\rb: c\r\ncontent-length: 2\r\n\r\n{}`]],
    ["a bare line feed in a header", [`${start}x: a\ny: b\r\ncontent-length: 2\r\n\r\n`]],
    ["NUL in a header", [`${start}x: a\0b\r\ncontent-length: 2\r\n\r\n{}`]],
    ["a header without a name", [`${start}: a\r\ncontent-length: 2\r\n\r\n{}`]],
    ["a header without a colon", [`${start}broken\r\ncontent-length: 2\r\n\r\n{}`]],
    ["a header name with a space", [`${start}a b: c\r\ncontent-length: 2\r\n\r\n{}`]],
    ["a first header that is folded", [`POST ${ECHO} HTTP/1.1\r\n x: y\r\n${host}\r\n`]],
    ["headers of 20 KiB", [`${start}x: ${"a".repeat(20_000)}\r\ncontent-length: 2\r\n\r\n{}`]],
    ["a target of 20 KiB", [`POST /${"a".repeat(20_000)} HTTP/1.1\r\n${host}\r\n`]],
    ["trailers of 20 KiB", [`${start}${chunked}\r\n2\r\n{}\r\n0\r\nx: ${"a".repeat(20_000)}\r\n\r\n`]],
    ["no version", [`POST ${ECHO}\r\n${host}\r\n`]],
    ["HTTP/0.9", [`GET /healthz\r\n\r\n`]],
    ["HTTP/2.0 in a line", [`GET /healthz HTTP/2.0\r\n${host}\r\n`]],
    ["HTTP/9.9", [`GET /healthz HTTP/9.9\r\n${host}\r\n`]],
    ["a version in small letters", [`GET /healthz http/1.1\r\n${host}\r\n`]],
    ["an unknown method", [`BREW ${ECHO} HTTP/1.1\r\n${host}\r\n`]],
    ["a method in small letters", [`post ${ECHO} HTTP/1.1\r\n${host}\r\n`]],
    ["CONNECT", [`CONNECT x:80 HTTP/1.1\r\n${host}\r\n${smuggled}`]],
    ["a tab in the request line", [`GET\t/healthz\tHTTP/1.1\r\n${host}\r\n`]],
    ["a NUL in the target", [`GET /a\0b HTTP/1.1\r\n${host}\r\n`]],
    ["TLS on a clear-text port", ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"]],
    ["SSH", ["SSH-2.0-OpenSSH_9.2\r\n"]],
    ["an SMTP greeting", ["EHLO x\r\nMAIL FROM:<a@b>\r\n"]],
    ["noise", ["\xff\xfe\xfd\xfc\x00\x01\x02\x03\r\n\r\n"]],
    ["line feeds only", ["\n\n\n\n"]],
    ["a lone P", ["P"]],
    ["a split method that begins like HTTP/2", ["P", "R", "X /healthz HTTP/1.1\r\n\r\n"]],
    ["PRI in HTTP/1.1", [`PRI * HTTP/1.1\r\n${host}\r\n`]],
    ["half of HTTP/2's preface", ["PRI * HTTP/2.0\r\n\r\nS"]],
    ["a wrong end of HTTP/2's preface", ["PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"]],
    ["HTTP/2's preface and then HTTP/1.1", [`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${smuggled}`]],
    ["HTTP/1.1 and then HTTP/2's preface", [`GET / HTTP/1.1\r\n${host}\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`]],
    [
      "an upgrade to h2c",
      [
        `GET / HTTP/1.1\r\n${host}connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n`,
      ],
    ],
    [
      "an upgrade to a websocket",
      [`GET / HTTP/1.1\r\n${host}connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\n\r\n`],
    ],
    ["an expectation nobody can meet", [`${start}expect: miracles\r\ncontent-length: 2\r\n\r\n{}`]],
  ];
  it.each(smuggling)("refuses or closes on %s", async (name, parts) => {
    const { statuses, text } = await speak(server.port, parts);
    expect(text).not.toContain("ok\n");
    for (const status of statuses) expect(status, name).toBeGreaterThanOrEqual(400);
  });

  it("takes a request whose method begins like HTTP/2's preface, however it is split", async () => {
    const request = post("host: x\r\n");
    expect((await speak(server.port, [...request])).statuses).toEqual([200]);
    expect((await speak(server.port, ["P", request.slice(1)])).statuses).toEqual([200]);
    expect((await speak(server.port, ["PUT /healthz HTTP/1.1\r\n", "host: x\r\n\r\n"])).statuses).toEqual([405]);
  });

  it("answers requests one after the other that came at once", async () => {
    const three = `${postKeeping("host: x\r\n")}${postKeeping("host: x\r\n", "/nothing")}${post("host: x\r\n")}`;
    expect((await speak(server.port, [three])).statuses).toEqual([200, 404, 200]);
  });

  it("drops a body that ends before its length", async () => {
    const { entered } = server.seen;
    const socket = await speak(server.port, [`${start}content-length: 500\r\n\r\n{"text":`], 10);
    expect(socket.statuses).toEqual([]);
    expect(server.seen.entered).toBe(entered);
  }, 10_000);

  it("answers OPTIONS * and HEAD", async () => {
    expect((await speak(server.port, ["OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n"])).statuses).toEqual([200]);
    const head = await speak(server.port, ["HEAD /healthz HTTP/1.1\r\nhost: x\r\n\r\n"]);
    expect(head.statuses).toEqual([200]);
    expect(head.text.endsWith("\r\n\r\n")).toBe(true);
  });

  it("closes connections that never say anything, or never finish their headers", async () => {
    expect((await speak(server.port, [])).statuses).toEqual([]);
    expect((await speak(server.port, ["GET / HTTP/1.1\r\nx: y\r\n"])).statuses).toEqual([408]);
  }, 15_000);
});

describe("over HTTP/2", () => {
  const body = Buffer.from(BODY);
  const headers = {
    ":method": "POST",
    ":path": ECHO,
    "content-type": "application/json",
    authorization: `Bearer ${TOKEN}`,
  };

  /** Several at once on one connection: the bad one must not hurt the good ones. */
  async function askBeside(bad: Record<string, string | string[]>, payload?: Buffer) {
    const session = openHttp2(server.url);
    const good = { ...headers, ":authority": "x" };
    try {
      const [first, answer, last] = await Promise.all([
        ask(session, good, body),
        ask(session, bad, payload),
        ask(session, good, body),
      ]);
      expect([first.status, last.status]).toEqual([200, 200]);
      return answer;
    } finally {
      session.destroy();
    }
  }

  // Node's client itself refuses to send what is no Latin-1, controls or empty; those cannot be sent so.
  const sendable = BAD_AUTHORITIES.filter((value) => /^[\x21-\x7e]+( [\x21-\x7e]+)*$/.test(value));
  it.each(sendable)("answers :authority %j with 400", async (authority) => {
    const { status, reset } = await askBeside({ ...headers, ":authority": authority }, body);
    // nghttp2 refuses by itself what cannot be in an authority at all.
    if (status === undefined) expect(reset).not.toBe(0);
    else expect(status).toBe(400);
  });

  it.each(sendable)("answers host %j without :authority with 400", async (host) => {
    const session = openHttp2(server.url);
    const { status, reset } = await ask(session, { ...headers, host }, body);
    session.destroy();
    if (status === undefined) expect(reset).not.toBe(0);
    else expect(status).toBe(400);
  });

  it.each(GOOD_AUTHORITIES)("F-HOST: takes :authority %j", async (authority) => {
    expect((await askBeside({ ...headers, ":authority": authority }, body)).status).toBe(200);
  });

  it("answers a host that differs from :authority with 400", async () => {
    expect((await askBeside({ ...headers, ":authority": "x", host: "y" }, body)).status).toBe(400);
    expect((await askBeside({ ...headers, ":authority": "x", host: "X" }, body)).status).toBe(200);
  });

  it.each(["", "x", "http://x/y", "?a", "[", "//["])(
    "answers :path %j with 400, 404 or a reset stream",
    async (path) => {
      const { status } = await askBeside({ ...headers, ":authority": "x", ":path": path }, body);
      if (status !== undefined) expect([400, 404]).toContain(status);
    },
  );

  it.each(["CONNECT", "BREW", "get", ""])("refuses the method %j", async (method) => {
    const bad =
      method === "CONNECT"
        ? { ":method": method, ":authority": "x:80" }
        : { ...headers, ":authority": "x", ":method": method };
    const { status } = await askBeside(bad);
    if (status !== undefined) expect(status).toBeGreaterThanOrEqual(400);
  });

  it("refuses a body of another length than it says", async () => {
    const { entered } = server.seen;
    for (const length of ["1", "99"]) {
      const session = openHttp2(server.url);
      const { status } = await ask(session, { ...headers, ":authority": "x", "content-length": length }, body);
      session.destroy();
      expect(status === undefined || status >= 400).toBe(true);
    }
    expect(server.seen.entered).toBe(entered);
  });

  it("refuses headers of 20 KiB and keeps the others", async () => {
    const { status } = await askBeside({ ...headers, ":authority": "x", "x-big": "a".repeat(20_000) }, body);
    expect(status).toBe(431);
  });

  const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  const h2frame = (
    type: number,
    flags: number,
    stream: number,
    payload: Uint8Array = Buffer.alloc(0),
    length = payload.length,
  ) => {
    const head = Buffer.alloc(9);
    head.writeUIntBE(length, 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt8(flags, 4);
    head.writeUInt32BE(stream, 5);
    return Buffer.concat([head, payload]);
  };
  const settings = h2frame(4, 0, 0);
  const broken: Array<readonly [name: string, frames: Uint8Array[]]> = [
    ["DATA before HEADERS", [settings, h2frame(0, 1, 1, Buffer.from("x"))]],
    ["DATA on stream 0", [settings, h2frame(0, 1, 0, Buffer.from("x"))]],
    ["HEADERS on stream 0", [settings, h2frame(1, 5, 0, Buffer.from([0x82]))]],
    ["HEADERS on an even stream", [settings, h2frame(1, 5, 2, Buffer.from([0x82]))]],
    ["HEADERS that are no HPACK", [settings, h2frame(1, 5, 1, Buffer.alloc(20, 0xff))]],
    ["HEADERS without pseudo headers", [settings, h2frame(1, 5, 1, Buffer.alloc(0))]],
    ["a frame longer than allowed", [settings, h2frame(0, 0, 1, Buffer.alloc(10), 1 << 23)]],
    ["a frame that promises more", [settings, h2frame(1, 5, 1, Buffer.from([0x82]), 100)]],
    ["no SETTINGS first", [h2frame(6, 0, 0, Buffer.alloc(8))]],
    ["SETTINGS of a wrong length", [h2frame(4, 0, 0, Buffer.alloc(5))]],
    ["SETTINGS on a stream", [h2frame(4, 0, 1)]],
    ["SETTINGS with an impossible window", [h2frame(4, 0, 0, Buffer.from([0, 4, 255, 255, 255, 255]))]],
    ["PING of a wrong length", [settings, h2frame(6, 0, 0, Buffer.alloc(7))]],
    ["WINDOW_UPDATE of nothing", [settings, h2frame(8, 0, 0, Buffer.alloc(4))]],
    [
      "a window past 2^31",
      [
        settings,
        h2frame(8, 0, 0, Buffer.from([127, 255, 255, 255])),
        h2frame(8, 0, 0, Buffer.from([127, 255, 255, 255])),
      ],
    ],
    ["RST_STREAM of an idle stream", [settings, h2frame(3, 0, 1, Buffer.alloc(4))]],
    ["PUSH_PROMISE from a client", [settings, h2frame(5, 4, 1, Buffer.from([0, 0, 0, 2, 0x82]))]],
    ["CONTINUATION without HEADERS", [settings, h2frame(9, 4, 1, Buffer.from([0x82]))]],
    ["HEADERS never continued", [settings, h2frame(1, 1, 1, Buffer.from([0x82])), h2frame(6, 0, 0, Buffer.alloc(8))]],
    ["an unknown frame", [settings, h2frame(99, 0, 1, Buffer.from("x"))]],
    ["GOAWAY at once", [settings, h2frame(7, 0, 0, Buffer.alloc(8))]],
    ["padding longer than the frame", [settings, h2frame(1, 0x0d, 1, Buffer.from([200, 0x82]))]],
  ];
  it.each(broken)("survives %s", async (_, frames) => {
    const { statuses } = await speak(server.port, [PREFACE, ...frames], 30);
    expect(statuses).toEqual([]);
  });

  it("takes a preface that comes byte by byte", async () => {
    const { text } = await speak(server.port, [...PREFACE, settings], 30);
    // The type of the server's first frame is SETTINGS.
    expect(text.charCodeAt(3)).toBe(4);
  });

  it("survives a client that resets a thousand calls", async () => {
    const session = openHttp2(server.url);
    for (let i = 0; i < 1_000; i++) {
      const request = session.request({ ...headers, ":authority": "x" });
      request.on("error", () => {});
      request.write(body);
      request.close(8);
    }
    await new Promise((resolve) => setImmediate(resolve));
    await expectAlive();
    session.destroy();
  });
});

// An answer that is there before the request's body has come reaches its client, though the connection closes after it.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ECHO, type EchoServer, startEchoServer, TOKEN } from "../support/servers/echo-server.ts";
import { type Certificate, makeCertificate } from "../support/services/certificate.ts";

const MIB = 1024 * 1024;
/** More than lies in the system's buffers on the way. */
const BODY = Buffer.alloc(7 * MIB, "x");

describe.each([false, true])("F-EARLY: with TLS %s", (tls) => {
  let server: EchoServer;
  let certificate: Certificate | undefined;
  beforeAll(async () => {
    certificate = tls ? makeCertificate() : undefined;
    server = await startEchoServer(certificate && { tls: certificate });
  });
  afterAll(async () => {
    await server.close();
    certificate?.remove();
  });

  async function open(): Promise<Socket> {
    const place = { port: server.port, host: "127.0.0.1" };
    const socket = tls
      ? connectTls({ ...place, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] })
      : connect(place);
    await once(socket, tls ? "secureConnect" : "connect");
    return socket;
  }

  /** Sends the whole request before it reads, as simple clients do; gives what it read, or how that failed. */
  async function send(head: string, body: Buffer): Promise<string> {
    const socket = (await open()).pause();
    let failure = "";
    socket.on("error", ({ message }) => (failure = message));
    await new Promise((resolve) => socket.write(Buffer.concat([Buffer.from(head), body]), resolve));
    let text = "";
    for await (const chunk of socket.setEncoding("latin1")) text += chunk;
    socket.destroy();
    return text + failure;
  }

  const head = (path: string, more: string) =>
    `POST ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: ${BODY.length}\r\n${more}\r\n`;

  test.each([
    ["a call without a credential", ECHO, "content-type: application/json\r\n", 401],
    ["a body that is too large", ECHO, `content-type: application/json\r\nauthorization: Bearer ${TOKEN}\r\n`, 429],
    ["a path that is not there", "/nothing", "content-type: application/json\r\n", 404],
    ["a place that takes no body", "/healthz", "", 405],
  ])("%s is told so", async (_, path, more, status) => {
    const text = await send(head(path, more), BODY);
    expect(text.split("\r\n")[0]).toContain(` ${status} `);
    expect(text).toMatch(/\r\n\r\n.+/s);
  });

  test("a client that sends without end is cut off", async () => {
    const socket = await open();
    const closed = once(socket, "close");
    socket.on("error", () => {});
    socket.write(`POST /nothing HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: ${1e12}\r\n\r\n`);
    const chunk = Buffer.alloc(64 * 1024);
    let sent = 0;
    const more = () => {
      while (!socket.destroyed && socket.write(chunk)) sent += chunk.length;
    };
    socket.on("drain", more).resume();
    more();
    await closed;
    expect(sent).toBeLessThan(64 * MIB);
  });
});

// A NATS server that never stops writing holds neither the process nor the connection.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { getCACertificates, setDefaultCACertificates, TLSSocket } from "node:tls";
import { afterEach, expect, test } from "vitest";
import { WebhookOutcome } from "../../../gen/colloquy/v1/webhook_pb.ts";
import type { AddressGuard } from "../../../src/outbound/addresses.ts";
import { createNatsSink } from "../../../src/webhooks/sinks/nats.ts";
import type { Parcel } from "../../../src/webhooks/sinks/sink.ts";
import { makeCertificate } from "../../support/services/certificate.ts";

const INFO = `INFO {"server_id":"s","version":"2.10.0","headers":true,"max_payload":1048576,"pad":"${"p".repeat(500)}"}\r\n`;
const PARCEL: Parcel = {
  id: "c-1",
  events: ["c-1", "c-2"].map((id) => ({ id, name: "message.sent", conversationId: "c", json: "{}" })),
  batch: true,
};
/** What the kernel and one look hold, far below what a second of writing brings. */
const MOST_BYTES = 24 * 1024 * 1024;

let server: Server;
afterEach(() => server.close());

/** Starts a server, writes `first`, and after the first PING or PUB what `then` says, again and again. */
async function flooding(first: string, after: string, piece: string) {
  const written = { bytes: 0, closed: false };
  server = createServer((socket) => {
    note(socket, written);
    let flooded = false;
    socket.write(first);
    const flood = () => {
      flooded = true;
      pump(socket, Buffer.from(piece), written);
    };
    if (after === "") flood();
    socket.on("data", (data) => {
      const said = data.toString("latin1");
      if (said.includes("PING\r\n")) socket.write("PONG\r\n");
      if (!flooded && after !== "" && said.includes(after)) flood();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return { url: `nats://127.0.0.1:${port}/events`, written };
}

/** A server may be connected to again. */
function note(socket: Socket, written: { closed: boolean }): void {
  written.closed = false;
  socket
    .on("error", () => {})
    .on("close", () => {
      written.closed = true;
    });
}

function pump(socket: Socket, piece: Buffer, written: { bytes: number }): void {
  while (!socket.destroyed) {
    written.bytes += piece.length;
    if (socket.write(piece)) continue;
    socket.once("drain", () => pump(socket, piece, written));
    return;
  }
}

test.each([
  ["an INFO without end", 'INFO {"a":"', "", "x".repeat(65_536)],
  ["PINGs", INFO, "PING\r\n", "PING\r\n".repeat(10_000)],
  ["INFOs", INFO, "PING\r\n", INFO.repeat(100)],
  ["messages that nobody asked for", INFO, "PING\r\n", "MSG nope 77 0\r\n\r\n".repeat(4_000)],
  ["a response of 60 MB", INFO, "PUB", `MSG x 1 60000000\r\n${"y".repeat(65_536)}`],
])("ends when the server writes %s", async (_, first, after, piece) => {
  const { url, written } = await flooding(first, after, piece);
  const sink = createNatsSink({ url, headers: {}, timeoutMs: 20_000 }, undefined);
  expect(await sink.send(PARCEL, new AbortController().signal)).toEqual({
    outcome: WebhookOutcome.UNREACHABLE,
    status: 0,
    error: "the NATS server wrote too much",
    responseBody: "",
  });
  await expect.poll(() => written.closed).toBe(true);
  expect(written.bytes).toBeLessThan(MOST_BYTES);
});

test("ends with the endpoint's timeout, all events of a request together, and closes the connection", async () => {
  const { url, written } = await flooding(INFO, "never", "");
  const sink = createNatsSink({ url, headers: {}, timeoutMs: 300 }, undefined);
  expect(await sink.send(PARCEL, new AbortController().signal)).toMatchObject({ outcome: WebhookOutcome.TIMED_OUT });
  await expect.poll(() => written.closed).toBe(true);
});

test("ends with its signal, also while it connects", async () => {
  const { url, written } = await flooding("", "never", "");
  const sink = createNatsSink({ url, headers: {}, timeoutMs: 20_000 }, undefined);
  const ending = new AbortController();
  const sent = sink.send(PARCEL, ending.signal);
  await once(server, "connection");
  ending.abort();
  await expect(sent).rejects.toThrow("aborted");
  await expect.poll(() => written.closed).toBe(true);
});

const toLoopback: AddressGuard = { checkHost: () => {}, lookup: (_, __, done) => done(null, "127.0.0.1", 4) };

test.each([
  ["an address", "127.0.0.1", "IP:127.0.0.1", undefined],
  ["a name, of which an address is connected to", "nats.example", "DNS:nats.example", toLoopback],
])("ends when the server writes PINGs without end over TLS, by %s", async (_, host, names, guard) => {
  const { certFile, keyFile, remove } = makeCertificate(names);
  const [cert, key] = [readFileSync(certFile, "utf8"), readFileSync(keyFile)];
  remove();
  const trusted = getCACertificates("default");
  setDefaultCACertificates([...trusted, cert]);
  try {
    const written = { bytes: 0, closed: false };
    server = createServer((plain) => {
      note(plain, written);
      plain.write(INFO.replace("{", '{"tls_required":true,'));
      const secured = new TLSSocket(plain, { isServer: true, cert, key }).on("error", () => {});
      secured.once("data", () => pump(secured, Buffer.from("PING\r\n".repeat(10_000)), written));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const sink = createNatsSink({ url: `nats://${host}:${port}/events`, headers: {}, timeoutMs: 20_000 }, guard);
    const sent = await sink.send(PARCEL, new AbortController().signal);
    expect(sent).toMatchObject({ outcome: WebhookOutcome.UNREACHABLE, error: "the NATS server wrote too much" });
    await expect.poll(() => written.closed).toBe(true);
    expect(written.bytes).toBeLessThan(MOST_BYTES);
  } finally {
    setDefaultCACertificates(trusted);
  }
});

test.each([
  ["refuses the connection", "", "the NATS server refused the connection"],
  ["refuses the credential", `${INFO}-ERR 'Authorization Violation'\r\n`, "the NATS server refused the credential"],
])("says what to mend where the server %s", async (_, said, error) => {
  const { url } = await flooding(said, "never", "");
  if (said === "") await new Promise((closed) => server.close(closed));
  const sink = createNatsSink({ url, headers: {}, timeoutMs: 20_000 }, undefined);
  const sent = await sink.send(PARCEL, new AbortController().signal);
  expect(sent).toMatchObject({ outcome: WebhookOutcome.UNREACHABLE, error });
});

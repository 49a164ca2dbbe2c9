// F-OPEN: places that anyone may ask cost little, however often they are asked and whether or not the answer is read.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Registry } from "prom-client";
import { expect, test, vi } from "vitest";
import { usedMemory } from "../support/measure/memory.ts";
import { startIdentityServer } from "../support/servers/identity-server.ts";

test("F-OPEN: 20 connections that ask 120 times and read nothing make few texts, and others are answered", async () => {
  await using server = await startIdentityServer();
  const rendered = vi.spyOn(Registry.prototype, "metrics");
  const began = performance.now();
  const ask = (path: string) => `GET ${path} HTTP/1.1\r\nhost: localhost\r\naccept-encoding: gzip\r\n\r\n`;
  const sockets: Socket[] = [];
  for (let i = 0; i < 20; i++) {
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1").pause();
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.write((ask("/openapi.json") + ask("/metrics") + ask("/docs") + ask("/.well-known/jwks.json")).repeat(120));
    sockets.push(socket);
  }
  const ready = await fetch(`${server.url}/readyz`);
  expect(ready.status).toBe(200);
  await expect.poll(() => rendered.mock.calls.length).toBeGreaterThan(0);
  const seconds = Math.ceil((performance.now() - began) / 1000) + 1;
  expect(rendered.mock.calls.length).toBeLessThanOrEqual(4 * seconds);
  for (const socket of sockets) socket.destroy();
  rendered.mockRestore();
});

test("F-OPEN: one who asks now and then sees what there is now", async () => {
  await using server = await startIdentityServer();
  const rendered = vi.spyOn(Registry.prototype, "metrics");
  for (let i = 0; i < 3; i++) await (await fetch(`${server.url}/metrics`)).text();
  expect(rendered.mock.calls.length).toBe(3);
  rendered.mockRestore();
});

test("F-OPEN: requests that come one behind the other are answered in their order, as each alone", async () => {
  await using server = await startIdentityServer();
  const { authorization } = (await (await server.tenant()).key("read", "write")).credential;
  const request = (line: string, body = "") =>
    `${line} HTTP/1.1\r\nhost: localhost\r\nauthorization: ${authorization}\r\nx-request-id: one\r\n` +
    `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const kinds = [
    request("GET /v1/whoAmI"),
    request("POST /colloquy.v1.AccessService/WhoAmI", "{}"),
    request("GET /no/such/place"),
    request("POST /v1/conversations", '{"conversation": {"title": 1}}'),
    request("HEAD /healthz"),
    request("GET /v1/whoAmI").replace(/authorization: .*\r\n/, ""),
    request("POST /colloquy.v1.AccessService/WhoAmI", "{"),
  ];
  const speak = async (requests: readonly string[], step: number) => {
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1").setNoDelay(true);
    const bytes = Buffer.from(
      `${requests.join("")}GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`,
    );
    for (let at = 0; at < bytes.length; at += step) {
      await new Promise((resolve) => socket.write(bytes.subarray(at, at + step), resolve));
    }
    let heard = "";
    for await (const piece of socket) heard += piece;
    return heard.replaceAll(/^(?:date|ratelimit\S*): .*\r\n/gim, "");
  };
  const last = await speak([], 1_000);
  const alone: string[] = [];
  for (const one of kinds) alone.push((await speak([one], 1_000)).slice(0, -last.length));
  const statuses = alone.map((text) => /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]);
  expect(statuses).toEqual(["200", "200", "404", "400", "200", "401", "400"]);
  const order = Array.from({ length: 200 }, (_, i) => (i * 5) % kinds.length);
  for (const step of [1_000_000, 977, 13]) {
    const heard = await speak(
      order.map((i) => kinds[i] as string),
      step,
    );
    expect(heard).toBe(order.map((i) => alone[i]).join("") + last);
  }
});

test("F-OPEN: one connection that asks 5,000 times and reads nothing holds little", async () => {
  await using server = await startIdentityServer();
  const used = async () => {
    const { heapUsed, external } = await usedMemory();
    return heapUsed + external;
  };
  const document = await (await fetch(`${server.url}/openapi.json`)).text();
  const before = await used();
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1").pause();
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write("GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(5_000));
  // Asked later, answered by a loop that has seen what came before.
  for (let i = 0; i < 3; i++) expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  const held = (await used()) - before;
  socket.destroy();
  expect(document.length).toBeGreaterThan(200_000);
  expect(held).toBeLessThan(32 << 20);
});

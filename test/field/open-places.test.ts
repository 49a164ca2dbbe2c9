// F-OPEN: places that anyone may ask cost little, however often they are asked and whether or not the answer is read.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Registry } from "prom-client";
import { expect, test, vi } from "vitest";
import { startIdentityServer } from "../support/identity-server.ts";

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

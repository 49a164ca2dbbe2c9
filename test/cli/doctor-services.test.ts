// What `colloquy doctor` says of services that a server can do without: hints by NATS, a collector of traces.
import { once } from "node:events";
import { createServer } from "node:net";
import { expect, test, vi } from "vitest";
import { runInProcess } from "../support/servers/command-in-process.ts";
import type { Environment } from "../support/servers/process.ts";
import { startCollector } from "../support/services/collector.ts";
import { freePort } from "../support/services/free-port.ts";
import { startFakeNats } from "../support/services/nats-server.ts";

/** Its status, and its last line. */
async function doctor(settings: Environment) {
  const { status, stdout } = await runInProcess(["doctor"], { PORT: "0", COLLOQUY_COMPAT: "", ...settings });
  return [status, stdout.trimEnd().split("\n").at(-1)];
}

test("a NATS server that cannot be used is a warning: servers go on without it", async () => {
  const port = await freePort();
  const hints = (url: string) => doctor({ COLLOQUY_HINTS: url });
  const problem = (why: string) => [
    0,
    `warn  hints: NATS cannot be used at 127.0.0.1:${port} (${why}): subscribers on other servers wait up to 2 s`,
  ];
  expect(await hints(`nats://user:secret@127.0.0.1:${port}`)).toEqual(
    problem(`connection refused: connect ECONNREFUSED 127.0.0.1:${port}`),
  );
  const nats = await startFakeNats(port);
  expect(await hints(nats.url)).toEqual([0, `ok    hints: NATS takes connections at 127.0.0.1:${port}`]);
  expect(await hints(`tls://127.0.0.1:${port}`)).toEqual(problem("server does not support 'tls'"));
  await nats.close();
  const refusing = createServer((socket) => {
    socket.resume();
    socket.end(
      `INFO ${JSON.stringify({ version: "2.9.10", auth_required: true })}\r\n-ERR 'Authorization Violation'\r\n`,
    );
  }).listen(port, "127.0.0.1");
  await once(refusing, "listening");
  expect(await hints(nats.url)).toEqual(problem("Authorization Violation"));
  await new Promise((closed) => refusing.close(closed));
});

test("a collector of traces that takes them, warns, or is away", async () => {
  const traces = async (url: string) => {
    const [name, value] = ["OTEL_EXPORTER_OTLP_ENDPOINT", url];
    vi.stubEnv(name, value);
    vi.stubEnv("OTEL_EXPORTER_OTLP_TIMEOUT", "1000");
    return await doctor({ [name]: value, OTEL_EXPORTER_OTLP_TIMEOUT: "1000" }).finally(() => vi.unstubAllEnvs());
  };
  const away = `127.0.0.1:${await freePort()}`;
  expect(await traces(`http://user:secret@${away}`)).toEqual([
    0,
    expect.stringMatching(
      new RegExp(`^warn {2}traces: the collector at ${away} does not take them: .*ECONNREFUSED.*; the server runs`),
    ),
  ]);
  await using collector = await startCollector();
  const { host } = new URL(collector.url);
  expect(await traces(collector.url)).toEqual([0, `ok    traces: the collector at ${host} takes them`]);
  expect(collector.spans).toEqual([]);
  await using strict = await startCollector({ rejected: 0, message: "no token" });
  expect(await traces(strict.url)).toEqual([
    0,
    `warn  traces: ${new URL(strict.url).host}: the collector warns: no token`,
  ]);
});

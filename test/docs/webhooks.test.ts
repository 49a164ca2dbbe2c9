// What docs/webhooks.md shows, run as it stands, and its receivers in Node, Python and Go.
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { WebhookService } from "../../gen/colloquy/v1/webhook_service_pb.ts";
import { signedHeaders } from "../../src/domain/webhooks/signature.ts";
import { blocksOf, hasTools, matches, runBlocks } from "../support/doc-runner.ts";
import { startChild } from "../support/run/child.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { freePort } from "../support/services/free-port.ts";

const root = join(import.meta.dirname, "../..");
const run = promisify(execFile);
/** Debian's package golang-go. */
const goVersion = await run("go", ["version"]).then(
  ({ stdout }) => stdout,
  () => undefined,
);
if (goVersion === undefined) process.stderr.write("no Go: the receiver in Go is not run\n");

/** The program of the receiver in Go, which its own checker has passed. */
async function builtWithGo(source: string, folder: string): Promise<string> {
  const program = join(folder, "receiver");
  const env = { ...process.env, GOCACHE: join(folder, "cache"), GOPROXY: "off", GO111MODULE: "off" };
  expect(await run("gofmt", ["-l", source])).toMatchObject({ stdout: "" });
  await run("go", ["vet", source], { env });
  await run("go", ["build", "-o", program, source], { env });
  return program;
}
let server: IdentityServer;
beforeAll(async () => {
  server = await startIdentityServer({ environment: { COLLOQUY_WEBHOOK_PRIVATE: "yes" } });
});
afterAll(() => server.close());

test.skipIf(!hasTools)("docs/webhooks.md prints what it says", async () => {
  const tenant = await server.tenant();
  const { text: key, credential } = await tenant.key("read", "write", "admin");
  // A store that is in use already: what is replayed fills more than a page of deliveries.
  const messages = Array.from({ length: 60 }, (_, index) => ({ content: `before ${index}` }));
  await server.client(ConversationService, credential).createConversation({ messages });
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "colloquy-webhooks-"));
  // The key is of this run, and the command line needs a database that this server does not share with it by settings.
  const blocks = blocksOf("docs/webhooks.md").filter(({ commands }) => !commands.includes("colloquy -- tail"));
  const outputs = await runBlocks(blocks, {
    environment: { KEY: key, PORT: String(port) },
    adapt: (commands) =>
      commands
        .replaceAll("http://127.0.0.1:8080", server.url)
        .replaceAll("127.0.0.1:9000", `127.0.0.1:${port}`)
        .replace(/export KEY=.*/, "")
        .replaceAll(/\b(received\.txt|made\.json)/g, `${folder}/$1`),
  });
  for (const [i, { commands, prints }] of blocks.entries()) {
    if (prints !== undefined && !matches(prints, outputs[i] ?? ""))
      expect(`${commands}${outputs[i]}`).toBe(`${commands}${prints}`);
  }
  await rm(folder, { recursive: true });
});

/** Resolves once something listens on the port. */
async function listening(port: number): Promise<void> {
  await expect
    .poll(() => {
      const probe = createServer();
      return new Promise((resolve) => {
        probe.once("error", () => resolve(true));
        probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(false)));
      });
    })
    .toBe(true);
}

describe.each([
  ["Node", process.execPath, "examples/webhooks/receiver.mjs"],
  ["Python", "python3", "examples/webhooks/receiver.py"],
  ["Go", undefined, "examples/webhooks/receiver.go"],
])("the receiver in %s", (_, command, program) => {
  test.skipIf(command === undefined && goVersion === undefined)(
    "takes what is signed once, and nothing else",
    async () => {
      const folder = await mkdtemp(join(tmpdir(), "colloquy-receiver-"));
      const file = join(root, program);
      const words = command === undefined ? [await builtWithGo(file, folder)] : [command, file];
      const tenant = await server.tenant();
      const { credential } = await tenant.key("read", "write", "admin");
      const port = await freePort();
      const value = `http://127.0.0.1:${port}/`;
      const { secret } = await server
        .client(WebhookService, credential)
        .createWebhookEndpoint({ endpoint: { target: { case: "url", value }, eventTypes: ["message.sent"] } });
      const child = startChild(words[0] ?? "", words.slice(1), {
        env: { PATH: process.env.PATH, SECRET: secret, PORT: String(port) },
        stdio: ["ignore", "pipe", "inherit"],
      });
      await listening(port);
      const lines: string[] = [];
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => lines.push(line));
      const messages = [{ content: "It is stuck." }, { content: "Grüße" }];
      await server.client(ConversationService, credential).createConversation({ messages });
      await expect.poll(() => lines).toEqual(["1 It is stuck.", "2 Grüße"]);

      const body = '{"seq": "3"}';
      const now = Math.floor(Date.now() / 1_000);
      const post = async (headers: Record<string, string>) =>
        (await fetch(value, { method: "POST", headers, body })).status;
      expect(await post(signedHeaders("a", now, body, [secret]))).toBe(204);
      expect(await post(signedHeaders("a", now, body, [secret]))).toBe(204);
      expect(await post({ ...signedHeaders("a", now, body, [secret]), "webhook-id": "b" })).toBe(401);
      expect(await post(signedHeaders("a", now - 3_600, body, [secret]))).toBe(401);
      expect(await post({})).toBe(401);
      // A sender that gives up within a request does the receiver no harm.
      const broken = connect(port, "127.0.0.1");
      broken.write("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n1", () => broken.resetAndDestroy());
      await once(broken, "close");
      expect(await post(signedHeaders("a", now, body, [secret]))).toBe(204);
      await expect.poll(() => lines).toEqual(["1 It is stuck.", "2 Grüße", "3 "]);
      child.kill();
      await once(child, "close");
      await rm(folder, { recursive: true });
    },
    // A compiler without a cache works for half a minute.
    6 * 30_000,
  );
});

test.each(["docs/webhooks.md", "proto/colloquy/v1/webhook.proto"])("%s names every kind of event", async (file) => {
  const { EVENT_NAMES } = await import("../../src/domain/webhooks/event-names.ts");
  const text = await readFile(join(root, file), "utf8");
  for (const name of EVENT_NAMES) expect(text).toContain(`\`${name}\``);
});

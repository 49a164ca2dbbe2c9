// F-IMPORT-FAILS: small packed imports of lines that only cost time are given up soon, and hold the loop for a moment
// at most.
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ImportConversationsRequestSchema } from "../../gen/colloquy/v1/transfer_service_pb.ts";
import { frame } from "../support/calls/raw-call.ts";
import { conversationLine, messageLine } from "../support/calls/transfer.ts";
import { leastHeldBy } from "../support/measure/loop-held.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

const MIB = 1024 * 1024;
/** So long may it hold the loop, in milliseconds of the thread's own work. */
const MAX_MS = 50;

let server: IdentityServer;
let key: Credential;
beforeAll(async () => {
  server = await startIdentityServer();
  key = (await (await server.tenant()).key("read", "write", "admin")).credential;
});
afterAll(() => server.close());

async function post(
  packed: Uint8Array<ArrayBuffer>,
): Promise<{ [field: string]: unknown; errors: { line: string; description: string }[] }> {
  const answer = await fetch(`${server.url}/v1/conversations:import`, {
    method: "POST",
    headers: { ...key, "content-type": "application/x-ndjson", "content-encoding": "gzip" } as Record<string, string>,
    body: packed,
  });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Awaited<ReturnType<typeof post>>;
}

/** What the first import answers, since a second one finds what the first has added; and how long the least of some took. */
async function firstOf(packed: Uint8Array<ArrayBuffer>) {
  const answers: Awaited<ReturnType<typeof post>>[] = [];
  const { ms } = await leastHeldBy(MAX_MS, async () => answers.push(await post(packed)));
  return { value: answers[0] as (typeof answers)[number], ms };
}

test.each([
  ["no records", "1\n".repeat(200_000), 10_000],
  ["no JSON", "{\n".repeat(200_000), 10_000],
  ["long and no records", `${" ".repeat(3 * MIB)}1\n`.repeat(30), 22],
  ["nothing but spaces", " \n".repeat(1_500_000), 671_089],
])("F-IMPORT-FAILS: lines that are %s are given up after so many, or so much", async (_, text, line) => {
  const packed = gzipSync(text);
  const { value, ms } = await firstOf(packed);
  expect(value).toMatchObject({ stopped: true, lineCount: String(line) });
  expect(value.errors.length).toBeLessThanOrEqual(1_000);
  expect(value.errors.at(-1)).toMatchObject({ line: String(line), description: expect.stringContaining("stops here") });
  expect(ms).toBeLessThan(MAX_MS);
});

test("F-IMPORT-FAILS: lines that can be read and not be added are given up after the batches under way", async () => {
  const id = crypto.randomUUID();
  const bad = JSON.stringify(messageLine(id, crypto.randomUUID(), { seq: "9" }));
  const packed = gzipSync(`${JSON.stringify(conversationLine(id))}\n${`${bad}\n`.repeat(25_000)}`);
  const { value, ms } = await firstOf(packed);
  expect(value).toMatchObject({ stopped: true, conversationCount: "1" });
  expect(Number(value.lineCount)).toBeGreaterThanOrEqual(10_000);
  // Three batches of 2,000.
  expect(Number(value.lineCount)).toBeLessThanOrEqual(16_001);
  expect(value.errors.at(-1)).toMatchObject({ description: expect.stringContaining("stops here") });
  expect(ms).toBeLessThan(MAX_MS);
});

test("F-IMPORT-FAILS: where as many can be read, an import goes on to its end, with what fails counted", async () => {
  const good = JSON.stringify(conversationLine(crypto.randomUUID()));
  const answer = await post(gzipSync(`${good}\n1\n`.repeat(11_000)));
  expect(answer).toMatchObject({ conversationCount: "1", errorCount: "11000", lineCount: "22000" });
  expect(answer).not.toMatchObject({ stopped: true });
});

test("F-IMPORT-FAILS: a frame of four million empty lines holds nobody up", async () => {
  const data = Buffer.alloc(4 * MIB - 100, "\n");
  const piece = toBinary(
    ImportConversationsRequestSchema,
    create(ImportConversationsRequestSchema, { body: { data } }),
  );
  const headers = { ...key, "content-type": "application/connect+proto", "connect-content-encoding": "gzip" };
  const path = `${server.url}/colloquy.v1.TransferService/ImportConversations`;
  const body = new Uint8Array(frame(gzipSync(piece), 1));
  const ask = () => fetch(path, { method: "POST", headers: headers as Record<string, string>, body });
  const { value, ms } = await leastHeldBy(MAX_MS, ask);
  expect([value.status, (await value.bytes()).length > 0]).toEqual([200, true]);
  expect(ms).toBeLessThan(MAX_MS);
});

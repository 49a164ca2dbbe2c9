// F-HOOK-TAIL: `colloquy tail`: the feed as lines of JSON.
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { EventService } from "../../gen/colloquy/v1/event_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { runInProcess } from "../support/servers/command-in-process.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { type Environment, type Outcome, startColloquy } from "../support/servers/process.ts";

let server: IdentityServer;
beforeAll(async () => {
  server = await startIdentityServer();
});
afterAll(() => server.close());

interface Line {
  readonly event?: { readonly conversationId: string; readonly seq: string; readonly conversationPurged?: object };
  readonly cursor: string;
}

/** What it writes: it minds how fast its reader is, and so writes to standard output itself. */
async function run(words: readonly string[], settings: Environment): Promise<Outcome> {
  let stdout = "";
  const write = vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    stdout += String(chunk);
    return true;
  });
  try {
    return { ...(await runInProcess(words, settings)), stdout };
  } finally {
    write.mockRestore();
  }
}

async function scene() {
  const tenant = await server.tenant();
  const { credential } = await tenant.key("read", "write", "admin");
  const subscription = server.client(EventService, credential).subscribe({})[Symbol.asyncIterator]();
  const cursor = (await subscription.next()).value?.cursor ?? "";
  await subscription.return?.();
  return {
    cursor,
    conversations: server.client(ConversationService, credential),
    messages: server.client(MessageService, credential),
    words: ["tail", "--tenant", tenant.slug],
    settings: { DATABASE_URL: server.databaseUrl, LOG_LEVEL: "error" },
  };
}

test("writes what came after a cursor, and ends; each line's cursor goes on after it", async () => {
  const { cursor, conversations, words, settings } = await scene();
  const { conversation } = await conversations.createConversation({ messages: [{ content: "a" }, { content: "b" }] });
  const conversationId = conversation?.id ?? "";
  const { conversation: other } = await conversations.createConversation({ messages: [{ content: "c" }] });
  await conversations.purgeConversation({ conversationId: other?.id ?? "" });
  const read = async (from: string): Promise<Line[]> => {
    const { status, stdout, stderr } = await run([...words, "--from", from], settings);
    expect([status, stderr]).toEqual([0, ""]);
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Line);
  };
  const lines = await read(cursor);
  const told = (some: readonly Line[]) => some.map(({ event }) => `${event?.conversationId}-${event?.seq}`).toSorted();
  expect(told(lines)).toEqual([`${conversationId}-1`, `${conversationId}-2`, `${other?.id}-2`].toSorted());
  expect(lines.filter(({ event }) => event?.conversationPurged !== undefined).length).toBe(1);
  expect(told(await read(lines[0]?.cursor ?? ""))).toEqual(told(lines.slice(1)));
  expect(await read(lines.at(-1)?.cursor ?? "")).toEqual([]);
});

test("refuses what is no cursor, and one that was not given out", async () => {
  const { words, settings } = await scene();
  const wrong = await run([...words, "--from", "x"], settings);
  expect(wrong).toMatchObject({ status: 2, stderr: expect.stringContaining("--from: must be the cursor of a line") });
  const unknown = await run([...words, "--from", "999999"], settings);
  expect(unknown).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("cursor: is not a cursor of this tenant"),
  });
});

test("goes on with what comes until it is stopped", async () => {
  const { cursor, conversations, words, settings } = await scene();
  const child = startColloquy([...words, "--from", cursor, "--follow"], settings);
  const lines: Line[] = [];
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
    lines.push(JSON.parse(line) as Line);
  });
  await conversations.createConversation({ messages: [{ content: "first" }] });
  await expect.poll(() => lines.length, { timeout: 30_000 }).toBe(1);
  await conversations.createConversation({ messages: [{ content: "second" }] });
  await expect.poll(() => lines.length, { timeout: 30_000 }).toBe(2);
  child.kill("SIGTERM");
  const [status] = await once(child, "close");
  expect(status).toBe(0);
});

// Parts through all that may happen to them: whatever they are, they are read back equal over every wire, after an
// edit, a fork, a move to another tenant and a restart of the server. PARTS_LIFE_RUNS and PARTS_LIFE_SEED are for long
// runs.
import { create, equals, toJsonString } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Message, MessageKind, MessageSchema } from "../../gen/colloquy/v1/message_pb.ts";
import type { Part } from "../../gen/colloquy/v1/part_pb.ts";
import { RecordSchema } from "../../gen/colloquy/v1/record_pb.ts";
import { TransferService } from "../../gen/colloquy/v1/transfer_service_pb.ts";
import { type OwnApp, startOwnApp } from "../fault/stage/app.ts";
import { type Tables, tablesAt } from "../fault/stage/database.ts";
import { clientsOver, WIRES } from "../fault/stage/wires.ts";
import { transportOver } from "../support/calls/five-wires.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { ALL_KINDS, HOSTILE_JSON, randomParts } from "../support/random/random-parts.ts";

const RUNS = Number(process.env.PARTS_LIFE_RUNS ?? 8);
const SEED = process.env.PARTS_LIFE_SEED;
const options = { numRuns: RUNS, ...(SEED !== undefined && { seed: Number(SEED) }) };

type Headers = Readonly<Record<string, string>>;

let database: TestDatabase;
let tables: Tables;
let app: OwnApp;
beforeAll(async () => {
  database = await createTestDatabase();
  tables = tablesAt(database.url);
  app = await start();
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await database.drop();
});

const start = () => startOwnApp({ url: database.url, environment: { COLLOQUY_COMPAT: "openai" } });

async function restart(): Promise<void> {
  await app[Symbol.asyncDispose]();
  app = await start();
}

const wire = fc.constantFrom(...WIRES);
/** Summaries have rules of their own for data under one name. */
const kinds = ALL_KINDS.filter((kind) => kind !== MessageKind.SUMMARY);
const entries = fc.array(fc.record({ kind: fc.constantFrom(...kinds), parts: randomParts(5) }), {
  minLength: 1,
  maxLength: 4,
});

const holds = (given: readonly Part[], read: readonly Part[] | undefined) =>
  equals(
    MessageSchema,
    create(MessageSchema, { parts: [...given] }),
    create(MessageSchema, { parts: [...(read ?? [])] }),
  );

async function* only<T>(one: T): AsyncGenerator<T> {
  yield one;
}

/** All entries of a conversation, as one wire tells them. */
async function read(over: (typeof WIRES)[number], headers: Headers, conversationId: string): Promise<Message[]> {
  const { messages } = clientsOver(over, app.url, headers);
  return (await messages.listMessages({ conversationId, kinds: ALL_KINDS, pageSize: 200 })).messages;
}

/** A conversation, and what all wires must tell of it. */
interface Kept {
  readonly headers: Headers;
  readonly conversationId: string;
  readonly parts: readonly (readonly Part[])[];
  readonly before: { readonly messageId: string; readonly parts: readonly Part[] } | undefined;
}

async function check({ headers, conversationId, parts, before }: Kept): Promise<void> {
  let first: Message[] | undefined;
  for (const over of WIRES) {
    const found = await read(over, headers, conversationId);
    expect([over, found.map((message, index) => holds(parts[index] ?? [], message.parts))]).toEqual([
      over,
      parts.map(() => true),
    ]);
    first ??= found;
    expect(found.every((message, index) => equals(MessageSchema, message, first?.[index] as Message))).toBe(true);
    if (before === undefined) continue;
    const { messages } = clientsOver(over, app.url, headers);
    const { revisions } = await messages.listMessageRevisions({ messageId: before.messageId });
    expect([over, revisions.length, holds(before.parts, revisions[0]?.parts)]).toEqual([over, 1, true]);
  }
}

test(
  "random parts of all kinds are the same over every wire, after an edit, a fork, a move and a restart",
  async () => {
    const [here, there] = [await tables.tenant(), await tables.tenant()];
    const kept: Kept[] = [];
    await fc.assert(
      fc.asyncProperty(wire, wire, entries, randomParts(5), async (over, other, wanted, after) => {
        const writer = clientsOver(over, app.url, here.headers);
        const editor = clientsOver(other, app.url, here.headers);
        const { conversation } = await writer.conversations.createConversation({});
        const conversationId = conversation?.id ?? "";
        const { messages: sent } = await writer.messages.batchSendMessages({
          conversationId,
          messages: wanted.map((one) => create(MessageSchema, one)),
        });
        const { conversation: fork } = await editor.conversations.forkConversation({ conversationId });
        const messageId = sent[0]?.id ?? "";
        const updateMask = { paths: ["parts", "content"] };
        await editor.messages.updateMessage({ messageId, message: { parts: after }, updateMask });
        const parts = wanted.map((one) => one.parts);
        const [old = []] = parts;
        const before = holds(old, after) ? undefined : { messageId, parts: old };
        const edited = [after, ...parts.slice(1)];
        const own: Kept = { headers: here.headers, conversationId, parts: edited, before };
        // A fork shows what it inherits as it was then.
        const forked: Kept = { headers: here.headers, conversationId: fork?.id ?? "", parts, before: undefined };

        const lines: string[] = [];
        const from = createClient(TransferService, transportOver(over, app.url, here.headers));
        for await (const { record } of from.exportConversations({ conversationId })) {
          if (record !== undefined) lines.push(toJsonString(RecordSchema, record));
        }
        const to = createClient(TransferService, transportOver("gRPC", app.url, there.headers));
        const outcome = await to.importConversations(only({ body: { data: Buffer.from(lines.join("\n")) } }));
        expect(outcome.errors).toEqual([]);
        const moved: Kept = { ...own, headers: there.headers };
        for (const one of [own, forked, moved]) await check(one);
        kept.push(own, forked, moved);
      }),
      { ...options, endOnFailure: RUNS <= 8 },
    );
    await restart();
    for (const one of kept) await check(one);
  },
  Math.max(120_000, RUNS * 10_000),
);

/** Depth counts the item around it. */
const hostile = fc.constantFrom(
  ...HOSTILE_JSON.filter((text) => !text.startsWith("[[")),
  `${"[".repeat(60)}${"]".repeat(60)}`,
);
const items = fc.array(
  fc.tuple(fc.constantFrom("computer_call", "reasoning", "a_type_of_tomorrow", "tomorrow_call"), hostile),
  { minLength: 1, maxLength: 4 },
);

test(
  "items over the OpenAI dialect keep every character of fields that nobody knows, after a fork and a restart",
  async () => {
    const { headers } = await tables.tenant();
    const http = async (method: string, path: string, body?: string) => {
      const answer = await fetch(`${app.url}/openai/v1${path}`, {
        method,
        headers: { ...headers, "content-type": "application/json" },
        body: body ?? null,
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      return text;
    };
    const kept: { readonly path: string; readonly fields: readonly string[] }[] = [];
    const look = async ({ path, fields }: (typeof kept)[number]) => {
      const list = await http("GET", `${path}?order=asc`);
      let from = 0;
      for (const field of fields) {
        const at = list.indexOf(field, from);
        if (at === -1) throw new Error(`${field} is not in ${list}`);
        from = at + field.length;
      }
    };
    await fc.assert(
      fc.asyncProperty(items, async (wanted) => {
        const { id } = JSON.parse(await http("POST", "/conversations", "{}"));
        const fields = wanted.map(([, json], index) => `"x_${index}":${json.trim()}`);
        const texts = wanted.map(([type], index) => {
          const summary = type === "reasoning" ? '"summary":[],' : "";
          return `{"type":"${type}","call_id":"c${index}",${summary}${fields[index]}}`;
        });
        const path = `/conversations/${id}/items`;
        const made = await http("POST", path, `{"items":[${texts.join()}]}`);
        for (const field of fields) expect(made).toContain(field);
        const { conversations } = clientsOver("gRPC", app.url, headers);
        const { conversation } = await conversations.forkConversation({ conversationId: idOf(id) });
        const fork = `conv_${(conversation?.id ?? "").replaceAll("-", "")}`;
        for (const one of [
          { path, fields },
          { path: `/conversations/${fork}/items`, fields },
        ]) {
          await look(one);
          kept.push(one);
        }
      }),
      { ...options, endOnFailure: RUNS <= 8 },
    );
    await restart();
    for (const one of kept) await look(one);
  },
  Math.max(120_000, RUNS * 5_000),
);

/** Our id in that of a conversation. */
function idOf(id: string): string {
  return id.replace(/^conv_(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

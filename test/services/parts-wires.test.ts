// Parts over every wire: whatever they are, they are read back as they were sent, also after an edit and a move.
import { create, equals, toJsonString } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { EventService } from "../../gen/colloquy/v1/event_service_pb.ts";
import { type Message, MessageSchema } from "../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import type { Part } from "../../gen/colloquy/v1/part_pb.ts";
import { RecordSchema } from "../../gen/colloquy/v1/record_pb.ts";
import { TransferService } from "../../gen/colloquy/v1/transfer_service_pb.ts";
import { transportOver, WIRE_FORMS, type WireForm } from "../support/calls/five-wires.ts";
import { ALL_KINDS, randomParts } from "../support/random/random-parts.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

/** Of each wire, and each of the server's paths of a call. */
const RUNS = process.env.TEST_KINDS === "all" ? 15 : 4;
const entries = fc.array(fc.record({ kind: fc.constantFrom(...ALL_KINDS), parts: randomParts() }), {
  minLength: 1,
  maxLength: 6,
});

async function* only<T>(one: T): AsyncGenerator<T> {
  yield one;
}

function sameParts(given: readonly Part[], read: readonly Part[] | undefined): boolean {
  const holder = (parts: readonly Part[]) => create(MessageSchema, { parts: [...parts] });
  return equals(MessageSchema, holder(given), holder(read ?? []));
}

describe.each([true, false])("with own call paths: %s", (ownPaths) => {
  let server: IdentityServer;
  let credential: Record<string, string>;
  beforeAll(async () => {
    const paths = ownPaths ? "on" : "off";
    server = await startIdentityServer({ environment: { COLLOQUY_UNARY: paths, COLLOQUY_STREAMS: paths } });
    const tenant = await server.tenant();
    credential = (await tenant.key("read", "write", "admin")).credential;
  });
  afterAll(() => server.close());

  const clients = (wire: WireForm) => {
    const transport = transportOver(wire, server.url, credential);
    return {
      conversations: createClient(ConversationService, transport),
      messages: createClient(MessageService, transport),
      log: createClient(EventService, transport),
    };
  };

  test.each(WIRE_FORMS)("random parts sent over %s are read back equal, one by one and in lists", async (wire) => {
    const { conversations, messages, log } = clients(wire);
    await fc.assert(
      fc.asyncProperty(entries, async (wanted) => {
        const { conversation } = await conversations.createConversation({});
        const conversationId = conversation?.id ?? "";
        const sent = await messages.batchSendMessages({
          conversationId,
          messages: wanted.map((one) => create(MessageSchema, one)),
        });
        const listed = (await messages.listMessages({ conversationId, kinds: ALL_KINDS })).messages;
        const { events } = await log.listEvents({ conversationId });
        const told = events.flatMap(({ change }) => (change.case === "messageSent" ? [change.value] : []));
        for (const [index, { kind, parts }] of wanted.entries()) {
          const { message } = await messages.getMessage({ messageId: sent.messages[index]?.id ?? "" });
          for (const read of [sent.messages[index], listed[index], told[index], message]) {
            if (read?.kind !== kind || !sameParts(parts, read.parts)) return false;
          }
          if (!equals(MessageSchema, listed[index] as Message, message as Message)) return false;
        }
        return true;
      }),
      { numRuns: RUNS },
    );
  });

  test.each(WIRE_FORMS)("an edit over %s gives new parts, and keeps the old ones as a revision", async (wire) => {
    const { conversations, messages } = clients(wire);
    const { conversation } = await conversations.createConversation({});
    const conversationId = conversation?.id ?? "";
    await fc.assert(
      fc.asyncProperty(randomParts(3), randomParts(3), async (before, after) => {
        const { message } = await messages.sendMessage({ conversationId, message: { parts: before } });
        const messageId = message?.id ?? "";
        const updateMask = { paths: ["parts", "content"] };
        const edited = (await messages.updateMessage({ messageId, message: { parts: after }, updateMask })).message;
        const { revisions } = await messages.listMessageRevisions({ messageId });
        const changed = !sameParts(before, after);
        expect(revisions).toHaveLength(changed ? 1 : 0);
        return sameParts(after, edited?.parts) && (!changed || sameParts(before, revisions[0]?.parts));
      }),
      { numRuns: RUNS },
    );
  });
});

describe("a conversation of random parts", () => {
  let server: IdentityServer;
  beforeAll(async () => {
    server = await startIdentityServer();
  });
  afterAll(() => server.close());

  test("is the same in another tenant, with what it was before", async () => {
    const [one, other] = [await server.tenant(), await server.tenant()];
    const from = transportOver("Connect proto", server.url, (await one.key("read", "write", "admin")).credential);
    const to = transportOver("gRPC", server.url, (await other.key("read", "write", "admin")).credential);
    const [conversations, messages] = [createClient(ConversationService, from), createClient(MessageService, from)];
    const { conversation } = await conversations.createConversation({});
    const conversationId = conversation?.id ?? "";
    const wanted = fc.sample(entries, 12).flat();
    const { messages: sent } = await messages.batchSendMessages({
      conversationId,
      messages: wanted.map((one) => create(MessageSchema, one)),
    });
    const first = sent[0] as Message;
    await messages.updateMessage({
      messageId: first.id,
      message: { parts: sent[1]?.parts ?? [] },
      updateMask: { paths: ["parts", "content"] },
    });

    const all = (await messages.listMessages({ conversationId, kinds: ALL_KINDS, pageSize: 200 })).messages;
    const lines: string[] = [];
    for await (const { record } of createClient(TransferService, from).exportConversations({ conversationId })) {
      if (record !== undefined) lines.push(toJsonString(RecordSchema, record));
    }
    const body = { data: Buffer.from(lines.join("\n")) };
    const outcome = await createClient(TransferService, to).importConversations(only({ body }));
    expect(outcome.errors).toEqual([]);
    const there = createClient(MessageService, to);
    const read = (await there.listMessages({ conversationId, kinds: ALL_KINDS, pageSize: 200 })).messages;
    expect(read).toEqual(all);
    expect((await there.listMessageRevisions({ messageId: first.id })).revisions).toEqual(
      (await messages.listMessageRevisions({ messageId: first.id })).revisions,
    );
  });
});

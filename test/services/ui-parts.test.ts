// Parts of AI SDK's UIMessages over the API, in forms of a client's own: in, stored, out again, equal.
import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { type Message, MessageSchema } from "../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { transportOver, type WireForm } from "../support/calls/five-wires.ts";
import { UI_PARTS } from "../support/forms/rows.ts";
import { fromUiParts, toUiParts } from "../support/forms/ui-parts.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
let credential: Record<string, string>;
beforeAll(async () => {
  server = await startIdentityServer();
  credential = (await (await server.tenant()).key("read", "write")).credential;
});
afterAll(() => server.close());

/** What is read of a message that was sent over a wire. */
async function stored(message: Message, wire: WireForm): Promise<Message> {
  const transport = transportOver(wire, server.url, credential);
  const messages = createClient(MessageService, transport);
  const { conversation } = await createClient(ConversationService, transport).createConversation({});
  const sent = await messages.sendMessage({ conversationId: conversation?.id ?? "", message });
  return (await messages.getMessage({ messageId: sent.message?.id ?? "" })).message as Message;
}

describe("a part of a UIMessage", () => {
  test.each(UI_PARTS)("%s is stored and comes back equal", async (_, part) => {
    const message = create(MessageSchema, { parts: fromUiParts([part]) });
    for (const wire of ["Connect proto", "REST"] as const) {
      expect(toUiParts((await stored(message, wire)).parts)).toEqual([part]);
    }
  });

  test("is one of many, and they keep their order", async () => {
    const parts = UI_PARTS.map(([, part], index) =>
      "toolCallId" in part ? { ...part, toolCallId: `c${index}` } : part,
    ).filter((part) => part.approval === undefined);
    const read = await stored(create(MessageSchema, { parts: fromUiParts(parts) }), "gRPC-Web");
    expect(toUiParts(read.parts)).toEqual(parts);
  });
});

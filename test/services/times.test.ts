// Times at the ends of what google.protobuf.Timestamp can say are taken, and read back on every wire.
import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AuditService } from "../../gen/colloquy/v1/audit_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { transportOver, WIRE_FORMS } from "../support/calls/five-wires.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
let credential: Credential;
beforeAll(async () => {
  server = await startIdentityServer();
  ({ credential } = await (await server.tenant()).key("read", "write", "admin"));
});
afterAll(() => server.close());

const FIRST = { seconds: -62_135_596_800n, nanos: 0 };
const LAST = { seconds: 253_402_300_799n, nanos: 999_999_999 };

describe.each(WIRE_FORMS)("over %s", (wire) => {
  test("a message's own time is cut to the millisecond", async () => {
    const transport = transportOver(wire, server.url, credential);
    const conversations = createClient(ConversationService, transport);
    const messages = createClient(MessageService, transport);
    const conversationId = (await conversations.createConversation({})).conversation?.id ?? "";
    for (const clientTime of [FIRST, LAST, { seconds: 1n, nanos: 1_999_999 }]) {
      await messages.sendMessage({ conversationId, message: { content: "then", clientTime } });
    }
    const page = await messages.listMessages({ conversationId });
    expect(page.messages.map(({ clientTime }) => [clientTime?.seconds, clientTime?.nanos])).toEqual([
      [FIRST.seconds, 0],
      [LAST.seconds, 999_000_000],
      [1n, 1_000_000],
    ]);
  });

  test("the audit log is read from the first moment to the last", async () => {
    const audit = createClient(AuditService, transportOver(wire, server.url, credential));
    await audit.listAuditEntries({ startTime: FIRST, endTime: LAST });
  });
});

// The dialects that were always called with credentials, over gRPC, gRPC-Web and Connect.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService as Callcenter } from "../../gen/colloquy/compat/callcenter/v1/conversation_service_pb.ts";
import { ConversationService as Crm } from "../../gen/colloquy/compat/crm/v1/conversation_service_pb.ts";
import { ConversationService as Workorder } from "../../gen/colloquy/compat/workorder/v1/conversation_service_pb.ts";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { failureOf } from "../support/errors.ts";
import { type DialectServer, startDialects } from "../support/servers/dialect-server.ts";
import { type Credential, WIRES } from "../support/servers/identity-server.ts";

let dialect: DialectServer;
let ann: Credential;
let key: Credential;
beforeAll(async () => {
  dialect = await startDialects("callcenter,crm,workorder");
  await dialect.tenant.addMember("ann");
  ann = await dialect.tenant.token("ann");
  key = (await dialect.tenant.key("read", "write", "admin")).credential;
});
afterAll(() => dialect.close());

describe.each(WIRES)("over %s", (wire) => {
  test("the call center API does what it does over REST", async () => {
    const calls = dialect.server.client(Callcenter, ann, wire);
    const messages = { messages: [{ role: "user", content: "Hello" }] };
    const { conversation } = await calls.createConversation({ conversation: { callType: "inbound", messages } });
    const conversationId = conversation?.id ?? "";
    const changed = await calls.updateConversation({ conversationId, conversation: { callType: "outbound" } });
    expect(changed.conversation).toMatchObject({ callType: "outbound", messages });
    expect((await calls.deleteConversation({ conversationId })).message).toBe("success");
    expect(await failureOf(calls.getConversation({ conversationId }))).toMatchObject({ reason: "NOT_FOUND" });
  });

  test("the CRM API acts for the member that a key names, and streams turns", async () => {
    const agents = dialect.server.client(AgentService, key);
    const { agent } = await agents.createAgent({
      agent: { name: `echo ${wire}`, connector: { case: "echo", value: {} } },
    });
    const crm = dialect.server.client(Crm, { ...key, "x-act-for": "ann" }, wire);
    const { conversation } = await crm.createConversation({ agentId: agent?.id ?? "" });
    expect(conversation).toMatchObject({ userId: "ann", companyId: dialect.tenant.id });
    const events: (string | undefined)[] = [];
    for await (const { event } of crm.streamChat({ conversationId: conversation?.id ?? "", message: "Hello" })) {
      events.push(event.case);
    }
    expect([...new Set(events)]).toEqual(["delta", "message", "done"]);
  });

  test("the work order API takes no API key", async () => {
    const orders = dialect.server.client(Workorder, ann, wire);
    expect((await orders.createConversation({ subject: wire })).conversation?.createdBy).toBe("ann");
    const keyed = dialect.server.client(Workorder, key, wire);
    expect(await failureOf(keyed.listConversations({}))).toMatchObject({ reason: "CREDENTIAL_INVALID" });
  });
});

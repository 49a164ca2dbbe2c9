// A client token lets a browser call as one member, and nothing else exists for one that is held to a conversation.
import { type DescMethod, fromJson, type JsonObject, type MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AccessService } from "../../gen/colloquy/v1/access_service_pb.ts";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { AuditService } from "../../gen/colloquy/v1/audit_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { DirectoryService } from "../../gen/colloquy/v1/directory_service_pb.ts";
import { DraftService } from "../../gen/colloquy/v1/draft_service_pb.ts";
import { EventService } from "../../gen/colloquy/v1/event_service_pb.ts";
import { MemberRole } from "../../gen/colloquy/v1/member_pb.ts";
import { MessageRole, type MessageSchema } from "../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { TurnService } from "../../gen/colloquy/v1/turn_service_pb.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { apiKey } from "../support/actors.ts";
import { personOf } from "../support/calls/files.ts";
import { reasonOf } from "../support/errors.ts";
import { ownServices } from "../support/servers/contract.ts";
import {
  bearer,
  type Credential,
  type IdentityServer,
  startIdentityServer,
  WIRES,
} from "../support/servers/identity-server.ts";

let server: IdentityServer;
beforeAll(async () => {
  server = await startIdentityServer();
});
afterAll(() => server.close());

const minutes = (count: number) => ({ seconds: BigInt(60 * count), nanos: 0 });

/** A tenant with ada, who has two conversations with a message in each, and a key that gives tokens. */
async function scene(role: "member" | "manager" | "admin" = "member") {
  const tenant = await server.tenant();
  await tenant.addMember("ada", { role });
  const key = await tenant.key("read", "write", "admin");
  const access = server.client(AccessService, key.credential);
  const asAda = { ...key.credential, "x-act-for": "ada" };
  const make = async (content: string) => {
    const messages = [{ content, role: MessageRole.USER }];
    const { conversation } = await server.client(ConversationService, asAda).createConversation({ messages });
    const conversationId = conversation?.id ?? "";
    const list = await server.client(MessageService, asAda).listMessages({ conversationId });
    return { conversationId, messageId: list.messages[0]?.id ?? "" };
  };
  const give = async (request: { conversationId?: string; readOnly?: boolean; memberId?: string } = {}) =>
    bearer((await access.createClientToken({ memberId: "ada", ...request })).token);
  return { tenant, key, access, give, one: await make("walnut"), other: await make("walnut pie") };
}

describe("a client token", () => {
  test.each(WIRES)("speaks for its member with the key's scopes but admin, over %s", async (wire) => {
    const { key, give, tenant } = await scene("admin");
    const me = await server.client(AccessService, await give(), wire).whoAmI({});
    const role = MemberRole.ADMIN;
    expect(me).toMatchObject({ tenantId: tenant.id, memberId: "ada", role, apiKeyId: key.id, scopes: [1, 2] });
    expect(await reasonOf(server.client(DirectoryService, await give(), wire).listMembers({}))).toBeUndefined();
    expect(await reasonOf(server.client(AuditService, await give(), wire).listAuditEntries({}))).toBe("SCOPE_MISSING");
  });

  test("lives for 15 minutes, or as long as is asked between a minute and an hour", async () => {
    const { access } = await scene();
    const lives = async (ttl?: ReturnType<typeof minutes>) => {
      const { token, expireTime } = await access.createClientToken({ memberId: "ada", ...(ttl && { ttl }) });
      const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
      expect(BigInt(claims.exp)).toBe(expireTime?.seconds);
      return Math.round((claims.exp - claims.iat) / 60);
    };
    expect([await lives(), await lives(minutes(1)), await lives(minutes(60))]).toEqual([15, 1, 60]);
    const refused = await Promise.all([minutes(0), minutes(61)].map((ttl) => reasonOf(lives(ttl))));
    expect(refused).toEqual(["INVALID_FIELD", "INVALID_FIELD"]);
  });

  test("that only reads cannot write", async () => {
    const { give, one } = await scene();
    const { listMessages, sendMessage } = server.client(MessageService, await give({ readOnly: true }));
    expect((await listMessages(one)).messages).toHaveLength(1);
    expect(await reasonOf(sendMessage({ ...one, message: { content: "no" } }))).toBe("SCOPE_MISSING");
  });

  test("gives no token, and acts for nobody else", async () => {
    const { give, tenant } = await scene();
    await tenant.addMember("bob");
    const { createClientToken } = server.client(AccessService, await give());
    expect(await reasonOf(createClientToken({ memberId: "ada" }))).toBe("PERMISSION_DENIED");
    const asBob = { ...(await give()), "x-act-for": "bob" };
    expect(await reasonOf(server.client(AccessService, asBob).whoAmI({}))).toBe("PERMISSION_DENIED");
  });

  test("is not given for who is not there, and of no conversation that the member does not see", async () => {
    const { access, one } = await scene();
    const foreign = await scene();
    const asks = [
      { memberId: "eve" },
      { memberId: "ada", ...foreign.one },
      { memberId: "ada", conversationId: newId() },
    ];
    const reasons = asks.map(({ ...request }) => reasonOf(access.createClientToken(request)));
    expect(await Promise.all(reasons)).toEqual(["NOT_FOUND", "NOT_FOUND", "NOT_FOUND"]);
    expect((await access.createClientToken({ memberId: "ada", conversationId: one.conversationId })).token).not.toBe(
      "",
    );
  });

  test("is in the audit log, without its text; a repeat gives one that expires with the first", async () => {
    const { access, key } = await scene();
    const ask = { memberId: "ada", requestId: "once" };
    const [first, again] = [await access.createClientToken(ask), await access.createClientToken(ask)];
    expect(again.expireTime).toEqual(first.expireTime);
    const filter = { resourceType: "member" };
    const { auditEntries } = await server.client(AuditService, key.credential).listAuditEntries(filter);
    const seconds = Number(first.expireTime?.seconds) * 1000;
    expect(auditEntries).toMatchObject([
      {
        actor: apiKey(key.id),
        action: "client_token.create",
        resourceId: "ada",
        details: { expire_time: new Date(seconds).toISOString() },
      },
    ]);
    expect(JSON.stringify(auditEntries[0]?.details)).not.toContain("ey");
  });

  test.each([
    ["its key is revoked", "CREDENTIAL_INVALID"],
    ["its member is deleted", "PERMISSION_DENIED"],
  ])("ends, with its streams, when %s", async (what, reason) => {
    const { access, key, give, one } = await scene();
    const token = await give();
    const stream = server.client(EventService, token).subscribe({ conversationId: one.conversationId });
    const began = Promise.withResolvers<void>();
    const ended = (async () => {
      for await (const { cursor } of stream) if (cursor === "1") break;
      for await (const _ of server.client(EventService, token).subscribe({})) began.resolve();
    })();
    await began.promise;
    if (what.includes("key")) await access.revokeApiKey({ apiKeyId: key.id });
    else await server.client(DirectoryService, key.credential).deleteMember({ memberId: "ada" });
    expect(await reasonOf(ended)).toBe(reason);
    expect(await reasonOf(server.client(AccessService, token).whoAmI({}))).toBe(reason);
  });
});

describe("for a token of one conversation", () => {
  test.each(WIRES)("only that one exists, over %s", async (wire) => {
    const { give, one, other } = await scene("admin");
    const token = await give({ conversationId: one.conversationId });
    const conversations = server.client(ConversationService, token, wire);
    const messages = server.client(MessageService, token, wire);
    expect((await conversations.getConversation(one)).conversation?.id).toBe(one.conversationId);
    expect(await reasonOf(conversations.getConversation(other))).toBe("NOT_FOUND");
    expect((await messages.getMessage(one)).message?.id).toBe(one.messageId);
    expect(await reasonOf(messages.getMessage(other))).toBe("NOT_FOUND");
    expect(await reasonOf(messages.listMessages(other))).toBe("NOT_FOUND");
    expect(await reasonOf(messages.sendMessage({ ...other, message: { content: "no" } }))).toBe("NOT_FOUND");
    const found = async (conversationId = "") =>
      (await messages.searchMessages({ query: "walnut", conversationId })).matches.map(({ message }) => message?.id);
    expect([await found(), await found(other.conversationId)]).toEqual([[one.messageId], []]);
    expect(await reasonOf(conversations.createConversation({}))).toBe("PERMISSION_DENIED");
    expect(await reasonOf(conversations.listConversations({}))).toBe("PERMISSION_DENIED");
    // A fork would be another conversation.
    expect(await reasonOf(conversations.forkConversation(one))).toBe("PERMISSION_DENIED");
    const events = server.client(EventService, token, wire);
    expect(await reasonOf(events.listEvents(other))).toBe("NOT_FOUND");
    const follow = async (conversationId: string) => {
      for await (const { event } of events.subscribe({ conversationId })) return event?.conversationId;
    };
    expect([await follow(one.conversationId), await follow("")]).toEqual([one.conversationId, one.conversationId]);
    expect(await reasonOf(follow(other.conversationId))).toBe("NOT_FOUND");
  });

  test("the rank of its member counts nothing", async () => {
    const { give, one } = await scene("admin");
    const { whoAmI } = server.client(AccessService, await give(one));
    expect((await whoAmI({})).role).toBe(MemberRole.MEMBER);
  });

  test("turns of its conversation can be read, and those of others are not there", async () => {
    const { key, give, one, other } = await scene();
    const agent = { name: "echo", connector: { case: "echo", value: {} } } as const;
    await server.client(AgentService, key.credential).createAgent({ agent });
    const asAda = { ...key.credential, "x-act-for": "ada" };
    const begin = async ({ conversationId }: { conversationId: string }) => {
      const conversation = { agent: "echo" };
      const updateMask = { paths: ["agent"] };
      await server.client(ConversationService, asAda).updateConversation({ conversationId, conversation, updateMask });
      let turnId = "";
      const message = { content: "walnut", role: MessageRole.USER };
      for await (const { event } of server.client(TurnService, asAda).chat({ conversationId, message })) {
        if (event.case === "ended") turnId = event.value.turn?.id ?? "";
      }
      return turnId;
    };
    const [own, foreign] = [await begin(one), await begin(other)];
    const turns = server.client(TurnService, await give({ conversationId: one.conversationId }));
    expect((await turns.getTurn({ turnId: own })).turn?.conversationId).toBe(one.conversationId);
    expect(await reasonOf(turns.getTurn({ turnId: foreign }))).toBe("NOT_FOUND");
    const listed = await turns.listTurns({ conversationId: "-" });
    expect(listed.turns.map(({ id }) => id)).toEqual([own]);
    // Without a conversation a turn would make one.
    const messages = [{ content: "walnut", role: MessageRole.USER }];
    expect(await reasonOf(turns.createTurn({ messages }))).toBe("PERMISSION_DENIED");
    for (const previousTurnId of [own, foreign]) {
      expect(await reasonOf(turns.createTurn({ messages, previousTurnId }))).toBe("PERMISSION_DENIED");
    }
    const { turn } = await turns.createTurn({ messages, conversationId: one.conversationId });
    expect(turn?.conversationId).toBe(one.conversationId);
  });

  test("it names files of its own conversation alone, wherever a request holds them", async () => {
    const { key, give, one, other } = await scene();
    const ada = personOf(server, { ...key.credential, "x-act-for": "ada" });
    const [named, foreign, unnamed] = await Promise.all(
      ["of this conversation", "of another", "of none yet"].map((text) => ada.upload(Buffer.from(text))),
    );
    await ada.send(one.conversationId, named?.id ?? "");
    await ada.send(other.conversationId, foreign?.id ?? "");
    const token = await give(one);
    const held = personOf(server, token);
    const { conversationId, messageId } = one;
    const messagesOf = (
      fileId: string,
    ): [MessageInitShape<typeof MessageSchema>, MessageInitShape<typeof MessageSchema>] => {
      const file = { case: "file" as const, value: { source: { case: "fileId" as const, value: fileId } } };
      const output = { case: "parts" as const, value: { parts: [{ content: file }] } };
      const result = { case: "toolResult" as const, value: { callId: "c", output } };
      return [{ parts: [{ content: file }] }, { parts: [{ content: result }], role: MessageRole.TOOL }];
    };
    const outcomesOf = async (fileId: string) => {
      const [plain, nested] = messagesOf(fileId);
      const parts = { paths: ["parts"] };
      const later = { seconds: BigInt(Math.floor(Date.now() / 1000) + 3600), nanos: 0 };
      const drafts = server.client(DraftService, token);
      const turns = server.client(TurnService, token);
      return [
        await reasonOf(held.messages.sendMessage({ conversationId, message: plain })),
        await reasonOf(held.messages.sendMessage({ conversationId, message: nested })),
        await reasonOf(held.messages.batchSendMessages({ conversationId, messages: [{ content: "a" }, plain] })),
        await reasonOf(held.messages.updateMessage({ messageId, message: plain, updateMask: parts })),
        await reasonOf(Array.fromAsync(turns.chat({ conversationId, message: plain }))),
        await reasonOf(
          drafts.scheduleMessage({ conversationId, scheduledMessage: { message: plain, sendTime: later } }),
        ),
      ];
    };
    for (const file of [foreign, unnamed]) {
      const outcomes = await outcomesOf(file?.id ?? "");
      expect(new Set(outcomes.slice(0, 4)), file?.name).toEqual(new Set(["UNKNOWN_REFERENCE"]));
      expect(await held.sees(file?.id ?? "")).toBe(false);
    }
    const { scheduledMessages } = await server.client(DraftService, token).listScheduledMessages({ conversationId });
    const ids = [foreign?.id, unnamed?.id];
    expect(
      JSON.stringify(scheduledMessages, (_, value) => (typeof value === "bigint" ? `${value}` : value)),
    ).not.toMatch(new RegExp(ids.join("|")));
    expect((await outcomesOf(named?.id ?? "")).slice(0, 4)).toEqual([undefined, undefined, undefined, undefined]);
    expect(await held.sees(named?.id ?? "")).toBe(true);
  });

  test("it reads and cancels what is scheduled in its own conversation alone", async () => {
    const { key, give, one, other } = await scene();
    const sendTime = { seconds: BigInt(Math.floor(Date.now() / 1000) + 3600), nanos: 0 };
    const scheduledMessage = { message: { content: "later" }, sendTime };
    const ada = server.client(DraftService, { ...key.credential, "x-act-for": "ada" });
    const foreign = await ada.scheduleMessage({ conversationId: other.conversationId, scheduledMessage });
    const held = server.client(DraftService, await give(one));
    const own = await held.scheduleMessage({ conversationId: one.conversationId, scheduledMessage });
    const outcomes = async (scheduledMessageId = "") => [
      await reasonOf(held.getScheduledMessage({ scheduledMessageId })),
      await reasonOf(held.cancelScheduledMessage({ scheduledMessageId })),
    ];
    expect(await outcomes(own.scheduledMessage?.id)).toEqual([undefined, undefined]);
    expect(await outcomes(foreign.scheduledMessage?.id)).toEqual(["NOT_FOUND", "NOT_FOUND"]);
    expect((await ada.listScheduledMessages({})).scheduledMessages).toHaveLength(1);
  });

  test("a ticket is held to it too", async () => {
    const { give, one, other } = await scene();
    const subject = (await give(one)).authorization?.slice("Bearer ".length) ?? "";
    const form = {
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
      subject_token: subject,
      scope: "events",
    };
    const body = new URLSearchParams(form);
    const { access_token: ticket } = (await (
      await fetch(`${server.url}/oauth2/token`, { method: "POST", body })
    ).json()) as { access_token: string };
    const statusOf = async (id: string) => {
      const url = `${server.url}/v1/conversations/${id}:subscribe?access_token=${ticket}`;
      const response = await fetch(url, { headers: { accept: "text/event-stream" } });
      await response.body?.cancel();
      return response.status;
    };
    expect([await statusOf(one.conversationId), await statusOf(other.conversationId)]).toEqual([200, 404]);
  });

  test("no method of the contract answers anything without naming what it is about", async () => {
    const { give, one } = await scene("admin");
    const token: Credential = await give(one);
    const open: string[] = [];
    const names = ["conversation_id", "message_id", "turn_id"];
    const others = ownServices
      .flatMap(({ methods }) => methods)
      .filter(
        ({ methodKind, input }) => methodKind === "unary" && !input.fields.some(({ name }) => names.includes(name)),
      );
    const ask = (method: DescMethod, request: JsonObject) => {
      const client = server.client(method.parent, token) as unknown as Record<string, (r: unknown) => Promise<unknown>>;
      return client[method.localName]?.(fromJson(method.input, request)) ?? Promise.resolve();
    };
    for (const method of others) {
      const reason = await reasonOf(ask(method, {}));
      if (!["PERMISSION_DENIED", "SCOPE_MISSING", "INVALID_FIELD"].includes(reason ?? "")) open.push(method.name);
    }
    expect(open).toEqual(["WhoAmI"]);
  });
});

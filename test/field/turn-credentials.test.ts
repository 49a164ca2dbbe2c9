// Who follows a turn, and whose credential, membership or role ends: every kind of stream ends too, with a turn that
// runs and with one that waits, and nobody hears what comes after.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { AccessService } from "../../gen/colloquy/v1/access_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { DirectoryService } from "../../gen/colloquy/v1/directory_service_pb.ts";
import { MemberRole } from "../../gen/colloquy/v1/member_pb.ts";
import { TurnService } from "../../gen/colloquy/v1/turn_service_pb.ts";
import { type ChatServer, calls, pauses, says, startChats } from "../support/fronts/ai-sdk.ts";
import type { Credential } from "../support/servers/identity-server.ts";

const SECRET = "what comes after";

let chats: ChatServer;
beforeAll(async () => {
  chats = await startChats([{ name: "look" }], { COLLOQUY_COMPAT: "aisdk,agui,a2a" });
});
beforeEach(() => {
  chats.script.length = 0;
});
afterAll(() => chats.close());

interface Follower {
  readonly text: () => string;
  readonly ended: Promise<void>;
}

/** A stream over HTTP, as far as it came. */
async function follow(path: string, who: Credential, body?: object): Promise<Follower> {
  const headers = { ...who, "A2A-Version": "1.0", ...(body && { "Content-Type": "application/json" }) };
  const sent = body ? { method: "POST", body: JSON.stringify(body) } : {};
  const response = await fetch(chats.server.url + path, { headers, ...sent });
  let text = "";
  const read = async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true });
  };
  // A stream that breaks off has ended too.
  return { text: () => text, ended: read().catch(() => {}) };
}

/** A conversation of bob's with an open turn that `who` has begun, and everything that follows it. */
async function followed(who: Credential) {
  const own = chats.server.client(ConversationService, chats.admin);
  const { conversation } = await own.createConversation({
    conversation: { ownerId: "bob", agent: "default", clientId: randomUUID() },
  });
  const conversationId = conversation?.id ?? "";
  const chat = await follow(`/v1/conversations/${conversationId}:chat`, who, { message: { content: "Hi" } });
  await expect.poll(chat.text).toContain("One");
  const { turns } = await chats.server.client(TurnService, chats.admin).listTurns({ conversationId });
  const turnId = turns[0]?.id ?? "";
  const followers = {
    chat,
    resume: await follow(`/v1/turns/${turnId}:resume?streamEntries=true`, who),
    recorded: await follow(`/v1/turns/${turnId}:resume?asRecorded=true`, who),
    aisdk: await follow(`/api/chat/${conversationId}/stream`, who),
    agui: await follow("/agui/default", who, { threadId: conversationId, runId: "r1", messages: [] }),
    a2a: await follow(`/a2a/default/tasks/${turnId}:subscribe`, who),
  };
  return { turnId, followers: Object.entries(followers) };
}

async function expectEnded(followers: readonly (readonly [string, Follower])[]): Promise<void> {
  const open = new Set(followers.map(([name]) => name));
  for (const [name, { ended }] of followers) void ended.then(() => open.delete(name));
  await expect.poll(() => [...open], { timeout: 20_000 }).toEqual([]);
}

const told = (followers: readonly (readonly [string, Follower])[]) =>
  followers.filter(([, { text }]) => text().includes(SECRET)).map(([name]) => name);

/** Credentials for bob's conversation, and how each ends. */
async function credentials() {
  const { server, tenant, admin } = chats;
  const key = await tenant.key("read", "write");
  await tenant.addMember("bob").catch(() => {});
  const over = `over-${randomUUID()}`;
  await tenant.addMember(over, { role: "admin" });
  const directory = server.client(DirectoryService, admin);
  return {
    revoked: {
      who: { ...key.credential, "X-Act-For": "bob" },
      end: () => server.client(AccessService, admin).revokeApiKey({ apiKeyId: key.id }),
    },
    demoted: {
      who: { ...admin, "X-Act-For": over },
      end: () => directory.setMemberRole({ memberId: over, role: MemberRole.MEMBER }),
    },
  };
}

describe("F-TURN-CREDENTIALS: those who follow a turn", () => {
  test.each(["revoked", "demoted"] as const)("that runs hear no more once their credential is %s", async (how) => {
    const { who, end } = (await credentials())[how];
    const { call, goOn } = pauses([{ text: "One" }], [{ text: SECRET }]);
    chats.script.push(call);
    const { followers } = await followed(who);
    await end();
    await expectEnded(followers);
    goOn();
    expect(told(followers)).toEqual([]);
  });

  test("that waits end, and hear nothing of how it goes on", async () => {
    const { who, end } = (await credentials()).revoked;
    chats.script.push(says({ text: "One" }, calls("c1", "look")), says({ text: SECRET }));
    const { turnId, followers } = await followed(who);
    // Of these, some end by themselves when a turn waits.
    const own = chats.server.client(TurnService, chats.admin);
    await expect.poll(async () => (await own.getTurn({ turnId })).turn?.awaited.length).toBe(1);
    await end();
    await own.answerTurn({ turnId, results: [{ callId: "c1", output: { case: "text", value: SECRET } }] });
    await expectEnded(followers);
    expect(told(followers)).toEqual([]);
  });
});

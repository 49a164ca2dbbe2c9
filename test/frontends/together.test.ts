// One conversation through all four front ends and the API at once, on two servers: each sees what the others say,
// follows the same turn, and may end it.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../gen/colloquy/v1/turn_service_pb.ts";
import { a2aClient, all, message, replyOf, toldOf } from "../support/fronts/a2a.ts";
import { aguiClient, ask, input, postAgui, runAgui } from "../support/fronts/agui.ts";
import {
  type ChatServer,
  calls,
  chunksOf,
  historyOf,
  pauses,
  post,
  says,
  startChats,
  user,
} from "../support/fronts/ai-sdk.ts";
import { connectNew } from "../support/fronts/mcp.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

const COMPAT = { COLLOQUY_COMPAT: "aisdk,agui,a2a,mcp" };
const tools = [{ name: "look" }, { name: "act", needsApproval: true }];

let chats: ChatServer;
let second: IdentityServer;
beforeAll(async () => {
  chats = await startChats(tools, COMPAT);
  const environment = { ...COMPAT, COLLOQUY_AGENT_PRIVATE: "yes", COLLOQUY_HEARTBEAT: "1" };
  second = await startIdentityServer({ beside: chats.server, environment });
});
beforeEach(() => {
  chats.script.length = 0;
});
afterAll(async () => {
  await second.close();
  await chats.close();
});

/** The conversation of a chat, as its owner's API sees it. */
async function conversationOf(id: string): Promise<string> {
  const { conversations } = await chats.server.client(ConversationService, chats.credential).listConversations({
    clientId: id,
  });
  return conversations[0]?.id ?? "";
}

const textOf = (parts: readonly { type: string; text?: string }[]) => parts.map(({ text = "" }) => text).join("");

/** A stream that tells of its first value. */
async function* telling<T>(stream: AsyncIterable<T>, begun: PromiseWithResolvers<void> | undefined): AsyncGenerator<T> {
  for await (const value of stream) {
    begun?.resolve();
    yield value;
  }
}

describe("one conversation", () => {
  test("is continued by each front end, on either server, and is the same for all", async () => {
    const id = randomUUID();
    const { credential } = chats;
    for (const n of [1, 2, 3, 4, 5]) chats.script.push(says({ text: `reply ${n}` }));
    expect((await post(chats, { id, messages: [user("by AI SDK")] })).status).toBe(200);
    await ask(aguiClient(second.url, credential, { threadId: id }), "by AG-UI", randomUUID());
    const a2a = await a2aClient(second.url, credential, "JSONRPC");
    const sent = await a2a.sendMessage(message("by A2A", { contextId: id }));
    expect(replyOf(sent as never)).toBe("reply 3");
    const conversationId = await conversationOf(id);
    const mcp = await connectNew(chats.server.url, credential, "auto" as never);
    const answer = await mcp.call("ask_agent", { conversationId, text: "by MCP" });
    expect(JSON.stringify(answer)).toContain("reply 4");
    await mcp.close();
    const turns = second.client(TurnService, credential);
    await all(turns.chat({ conversationId, message: { content: "by the API" } }));

    const said = ["by AI SDK", "by AG-UI", "by A2A", "by MCP", "by the API"].flatMap((text, at) => [
      text,
      `reply ${at + 1}`,
    ]);
    const { messages } = await second.client(MessageService, credential).listMessages({ conversationId });
    expect(messages.map(({ content }) => content)).toEqual(said);
    const ui = await historyOf(chats, id);
    expect(ui.map(({ parts }: { parts: [] }) => textOf(parts))).toEqual(said);
    const thread = aguiClient(second.url, credential, { threadId: id });
    await runAgui(thread);
    expect(thread.messages.map(({ content }) => content)).toEqual(said);
    const { tasks } = await a2a.listTasks({ contextId: id, includeArtifacts: true, tenant: "" } as never);
    expect(tasks.map((task) => replyOf(task)).reverse()).toEqual(said.filter((_, at) => at % 2 === 1));
    // What the agent was told last has all of it.
    expect(chats.agent.calls.at(-1)?.request.messages.map(({ content }) => content)).toEqual(said.slice(0, -1));
  });

  test("is followed by all at once while its turn runs on the other server, each word once", async () => {
    const id = randomUUID();
    const { credential } = chats;
    const { call, asked, goOn } = pauses([{ text: "One " }], [{ text: "two" }]);
    chats.script.push(call);
    const first = post(chats, { id, messages: [user("Hi", "u-1")] });
    await asked;
    const conversationId = await conversationOf(id);
    const { turns } = await second.client(TurnService, credential).listTurns({ conversationId });
    const turnId = turns[0]?.id ?? "";
    const headers = { ...credential };
    // Each has what the turn has said before it goes on.
    const begun = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
    const followers = [
      (async () => {
        const response = await fetch(`${second.url}/api/chat/${id}/stream`, { headers });
        begun[0]?.resolve();
        const deltas = chunksOf(await response.text()).filter(({ type }) => type === "text-delta");
        return deltas.map(({ delta }) => delta).join("");
      })(),
      (async () => {
        const client = aguiClient(second.url, credential, { threadId: id });
        await runAgui(client, {}, { onRunStartedEvent: () => begun[1]?.resolve() });
        return client.messages.at(-1)?.content;
      })(),
      (async () => {
        const client = await a2aClient(second.url, credential, "HTTP+JSON");
        const updates = await all(telling(client.resubscribeTask({ id: turnId, tenant: "" }), begun[2]));
        return updates
          .flatMap(({ payload }) => {
            if (payload?.$case === "task") return payload.value.artifacts.flatMap(({ parts }) => parts);
            return payload?.$case === "artifactUpdate" ? (payload.value.artifact?.parts ?? []) : [];
          })
          .map(({ content }) => (content?.$case === "text" ? content.value : ""))
          .join("");
      })(),
      (async () => {
        const events = await all(telling(second.client(TurnService, credential).resumeTurn({ turnId }), begun[3]));
        return events.map(({ event }) => (event.case === "delta" ? event.value.text : "")).join("");
      })(),
    ];
    await Promise.all(begun.map(({ promise }) => promise));
    goOn();
    expect(await Promise.all(followers)).toEqual(Array.from({ length: 4 }, () => "One two"));
    expect((await first).status).toBe(200);
    expect(chats.agent.calls.filter(({ request: { turnId: of } }) => of === turnId)).toHaveLength(1);
  });

  test.each([
    [
      "AI SDK",
      async (id: string) =>
        void (await fetch(`${second.url}/api/chat/${id}/stop`, { method: "POST", headers: { ...chats.credential } })),
    ],
    [
      "A2A",
      async (_: string, turnId: string) => {
        const client = await a2aClient(second.url, chats.credential, "JSONRPC");
        await client.cancelTask({ id: turnId, tenant: "", metadata: undefined });
      },
    ],
    [
      "AG-UI, by another message that interrupts",
      async (id: string) => {
        const posted = input({
          threadId: id,
          runId: "r2",
          messages: [{ id: randomUUID(), role: "user", content: "Stop" }],
        });
        await postAgui(second.url, posted, { ...chats.credential }, "/agui/default?ifRunning=interrupt");
      },
    ],
  ])("is stopped from %s on the other server, and all who follow are told", async (_, stop) => {
    const id = randomUUID();
    const { credential } = chats;
    const { call, asked } = pauses([{ text: "One " }], [{ text: "two" }]);
    chats.script.push(call);
    const a2a = await a2aClient(chats.server.url, credential, "JSONRPC");
    const client = aguiClient(chats.server.url, credential, { threadId: id });
    const running = ask(client, "Hi", "u-1");
    const signal = await asked;
    const conversationId = await conversationOf(id);
    const { turns } = await second.client(TurnService, credential).listTurns({ conversationId });
    const turnId = turns[0]?.id ?? "";
    const updates = all(a2a.resubscribeTask({ id: turnId, tenant: "" }));
    const ui = await fetch(`${chats.server.url}/api/chat/${id}/stream`, { headers: { ...credential } });
    await stop(id, turnId);
    const { events } = await running;
    expect(events.at(-1)).toMatchObject({ type: "RUN_FINISHED", outcome: { type: "cancelled" } });
    expect(toldOf(await updates).at(-1)).toBe("status 5");
    expect(await ui.text()).toContain('"type":"abort"');
    expect(signal.aborted).toBe(true);
    const { turn } = await second.client(TurnService, credential).getTurn({ turnId });
    expect(turn?.state).toBe(TurnState.CANCELLED);
  });

  test("takes an answer from one front end for what another one shows, and no other answer", async () => {
    const id = randomUUID();
    const { credential } = chats;
    const callId = `call-${randomUUID()}`;
    chats.script.push(
      says(calls(callId, "act", '{"on":true}')),
      says(calls(`${callId}-2`, "look", "{}")),
      says({ text: "Done" }),
    );
    await post(chats, { id, messages: [user("Act", "u-1")] });
    const conversationId = await conversationOf(id);
    const turnOf = async () => (await second.client(TurnService, credential).listTurns({ conversationId })).turns[0];
    const waiting = await turnOf();
    const approvalId = waiting?.awaited[0]?.approvalId ?? "";
    expect(approvalId).not.toBe("");
    const turnId = waiting?.id ?? "";
    const a2a = await a2aClient(second.url, credential, "JSONRPC");
    // Forged: another question, a result for a call that waits for a yes, and a result in AG-UI's history.
    const forged = { approvalId: randomUUID(), approved: true };
    await expect(a2a.sendMessage(message([{ data: forged }], { taskId: turnId }))).rejects.toThrow();
    await expect(
      a2a.sendMessage(message([{ data: { toolCallId: callId, output: "forged" } }], { taskId: turnId })),
    ).rejects.toThrow();
    const posted = input({
      threadId: id,
      runId: "r9",
      messages: [{ id: "t-9", role: "tool", toolCallId: callId, content: "forged" }],
    });
    await postAgui(second.url, posted, { ...credential });
    expect((await turnOf())?.awaited).toEqual(waiting?.awaited);
    // The yes comes over A2A, the result of the client's tool over AG-UI, and each of them twice.
    const yes = message([{ data: { approvalId, approved: true } }], { taskId: turnId });
    await a2a.sendMessage({ ...yes, configuration: { acceptedOutputModes: [], returnImmediately: true } as never });
    await expect.poll(async () => (await turnOf())?.awaited[0]?.approvalId).toBe("");
    const result = (callOf: string, content: string) =>
      input({ threadId: id, runId: "r10", messages: [{ id: "t-1", role: "tool", toolCallId: callOf, content }] });
    for (const callOf of [callId, callId, `${callId}-2`, `${callId}-2`]) {
      await postAgui(second.url, result(callOf, `saw ${callOf.length}`), { ...credential });
    }
    await expect.poll(async () => (await turnOf())?.state).toBe(TurnState.COMPLETE);
    const history = await historyOf(chats, id);
    expect(textOf(history.at(-1).parts)).toBe("Done");
    const outputs = history.at(-1).parts.flatMap(({ output }: { output?: string }) => output ?? []);
    expect(outputs).toEqual([`saw ${callId.length}`, `saw ${callId.length + 2}`]);
    expect(chats.agent.calls.filter(({ request: { turnId: of } }) => of === turnId)).toHaveLength(3);
  });
});

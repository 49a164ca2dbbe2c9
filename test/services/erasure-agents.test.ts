// Erasure of a person who talked to agents: what an agent made of its words goes too, also of a turn that goes on.
import { afterAll, beforeAll, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { ErasureService } from "../../gen/colloquy/v1/erasure_service_pb.ts";
import { MessageKind, MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../gen/colloquy/v1/turn_service_pb.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { personOf } from "../support/calls/files.ts";
import { runJobs, tablesWith } from "../support/postgres/erasure.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { type ModelServer, startModelServer } from "../support/services/model-server.ts";

let server: IdentityServer;
let model: ModelServer;
beforeAll(async () => {
  model = await startModelServer();
  server = await startIdentityServer({ environment: { COLLOQUY_AGENT_PRIVATE: "yes" } });
});
afterAll(async () => {
  await server.close();
  await model.close();
});

/** Ann and bob in a conversation of ann's with an agent, and what bob says has a mark that nothing else has. */
async function begin() {
  const tenant = await server.tenant();
  const mark = `mark-${newId()}`;
  for (const id of ["ann", "bob"]) await tenant.addMember(id);
  const ann = personOf(server, await tenant.token("ann"));
  const { credential } = await tenant.key("read", "write", "admin");
  const connector = { case: "openai", value: { baseUrl: model.url, model: "m" } } as const;
  const tools = [{ name: "look", runs: { case: "client", value: {} } }] as const;
  await server.client(AgentService, credential).createAgent({ agent: { name: "a", connector, tools } as object });
  const { conversation } = await ann.conversations.createConversation({
    conversation: { agent: "a" },
    participantIds: ["bob"],
  });
  const conversationId = conversation?.id ?? "";
  const turns = server.client(TurnService, await tenant.token("bob"));
  return {
    ann,
    mark,
    conversationId,
    key: personOf(server, credential),
    turnsOfAnn: server.client(TurnService, ann.credential),
    chat: (content: string, who = turns) => who.chat({ conversationId, message: { content } }),
    tables: () => tablesWith(server.database, mark),
    log: async () =>
      (await ann.messages.listMessages({ conversationId, kinds: [1, 2, 3, 4, 8] })).messages.map(
        ({ content }) => content,
      ),
    erase: async () => {
      await server.client(ErasureService, credential).eraseMember({ memberId: "bob" });
      await runJobs(server.database, tenant.id);
    },
  };
}

/** Lines of a stream of Chat Completions. */
const lines = (...deltas: object[]) =>
  deltas.map((delta) => `data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`).join("");
const end = (reason: string) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: reason }] })}\n\ndata: [DONE]\n\n`;
const STREAM = { "content-type": "text/event-stream" };

test("replies to it and summaries of what it said are emptied, and replies to others stay", async () => {
  const { ann, key, mark, conversationId, chat, turnsOfAnn, tables, log, erase } = await begin();
  const says = (content: string) => {
    model.answer = (response) => response.writeHead(200, STREAM).end(lines({ content }) + end("stop"));
  };
  says("To ann.");
  await Array.fromAsync(chat("from ann", turnsOfAnn));
  says(`You said ${mark}.`);
  await Array.fromAsync(chat(mark));
  const parts = [
    { content: { case: "text", value: { text: `Bob said ${mark}.` } } },
    { content: { case: "data", value: { name: "summary", json: '{"throughSeq": 5}' } } },
  ];
  await key.messages.sendMessage({
    conversationId,
    message: { kind: MessageKind.SUMMARY, role: MessageRole.SYSTEM, parts } as object,
  });
  await ann.messages.sendMessage({ conversationId, message: { content: "Later." } });
  expect(await tables()).toContain("message");
  await erase();
  expect(await tables()).toEqual([]);
  expect(await log()).toEqual(["from ann", "To ann.", "Later."]);
});

test("a turn that goes on is cancelled, and nothing that its agent has said or says then is stored", async () => {
  const { mark, chat, turnsOfAnn, tables, log, erase } = await begin();
  const goOn = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  model.answer = async (response) => {
    response.on("close", () => closed.resolve());
    response.writeHead(200, STREAM).write(lines({ content: `You said ${mark}` }));
    await goOn.promise;
    response.end(lines({ content: ` and ${mark}.` }) + end("stop"));
  };
  let turnId = "";
  const heard = (async () => {
    for await (const { event } of chat(mark)) if (event.case === "started") turnId = event.value.turn?.id ?? "";
  })().catch((error: unknown) => error);
  await expect.poll(async () => (await tables()).includes("turn")).toBe(true);
  await erase();
  goOn.resolve();
  await heard;
  await closed.promise;
  await expect.poll(async () => (await turnsOfAnn.getTurn({ turnId })).turn?.state).toBe(TurnState.CANCELLED);
  expect(await tables()).toEqual([]);
  expect(await log()).toEqual([]);
});

test("a turn that waits for the result of its tool ends, and the call with what it said is emptied", async () => {
  const { mark, chat, turnsOfAnn, tables, erase } = await begin();
  const call = { index: 0, id: "c1", type: "function", function: { name: "look", arguments: `{"at":"${mark}"}` } };
  model.answer = (response) => response.writeHead(200, STREAM).end(lines({ tool_calls: [call] }) + end("tool_calls"));
  let turnId = "";
  for await (const { event } of chat(mark)) {
    if (event.case === "started") turnId = event.value.turn?.id ?? "";
    if (event.case === "inputRequired") break;
  }
  expect(await tables()).toContain("message");
  await erase();
  expect(await tables()).toEqual([]);
  expect((await turnsOfAnn.getTurn({ turnId })).turn).toMatchObject({ state: TurnState.CANCELLED, awaited: [] });
});

// Faults of branches, forks and clients' ids in other products, tried here. Each names the report that showed it.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../src/domain/ids/id.ts";
import { exported, imported } from "../support/calls/transfer.ts";
import { failureOf } from "../support/failure.ts";
import { type StoreServer, startStoreServer } from "../support/servers/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer();
});
afterAll(() => server.close());

async function begin() {
  const tenant = await server.tenant("ann");
  const { conversations, messages, turns } = tenant.member("ann");
  const { conversation } = await conversations.createConversation({});
  const conversationId = conversation?.id ?? "";
  const ids: Record<string, string> = {};
  const send = async (content: string, after = "", clientId = "") => {
    const message = { content, parentId: ids[after] ?? after, clientId };
    ids[content] = (await messages.sendMessage({ conversationId, message })).message?.id ?? "";
    return ids[content];
  };
  const select = (content: string) => messages.selectBranch({ conversationId, messageId: ids[content] ?? "" });
  const shown = async (more: object = {}) =>
    (await messages.listMessages({ conversationId, ...more })).messages.map(({ content }) => content).join(" ");
  const tips = async () =>
    (await messages.listBranches({ conversationId })).branches.map(
      ({ messageId }) => Object.keys(ids).find((name) => ids[name] === messageId) ?? "",
    );
  return { tenant, conversations, messages, turns, conversationId, ids, send, select, shown, tips };
}

describe("branches", () => {
  test("danny-avila/LibreChat#13611: a parent that is only a placeholder is refused, and leaves no orphan", async () => {
    const { send, shown, ids } = await begin();
    await send("u1");
    await send("a1");
    expect((await failureOf(send("u2", `${ids.a1}_`))).reason).toBe("UNKNOWN_REFERENCE");
    expect((await failureOf(send("u2", newId()))).reason).toBe("UNKNOWN_REFERENCE");
    await send("u2");
    expect(await shown()).toBe("u1 a1 u2");
  });

  test("danny-avila/LibreChat#3813, unslothai/unsloth#7796: of 24 regenerations each one stays, and nothing before it goes", async () => {
    const { send, shown, select, tips } = await begin();
    await send("s");
    await send("u");
    const replies = Array.from({ length: 24 }, (_, n) => `r${n}`);
    for (const reply of replies) await send(reply, "u");
    expect(await tips()).toEqual(replies);
    for (const reply of ["r0", "r11", "r23"]) {
      await select(reply);
      expect(await shown()).toBe(`s u ${reply}`);
    }
  });

  test("ggml-org/llama.cpp#16406, open-webui/open-webui#29299: what follows on a branch is there again after another was shown", async () => {
    const { send, shown, select } = await begin();
    await send("u1");
    await send("a1");
    await send("u2");
    await send("a2");
    await send("b1", "u1");
    await select("a1");
    expect(await shown()).toBe("u1 a1 u2 a2");
    await select("b1");
    await select("a2");
    expect(await shown()).toBe("u1 a1 u2 a2");
  });

  test("novvaccaine/llmchat#58, ShaerWare/AI_Secretary_System#276: deleting a shared entry takes nothing else from any branch", async () => {
    const { send, shown, select, ids, messages } = await begin();
    await send("u1");
    await send("a1");
    await send("u2");
    await send("b1", "u1");
    await messages.deleteMessage({ messageId: ids.u1 ?? "" });
    expect(await shown()).toBe("b1");
    await select("u2");
    expect(await shown()).toBe("a1 u2");
  });

  test("lobehub/lobehub#14124: the last of three alternatives is deleted, and the others can be shown", async () => {
    const { send, shown, select, ids, messages } = await begin();
    await send("u");
    for (const reply of ["r1", "r2", "r3"]) await send(reply, "u");
    await messages.deleteMessage({ messageId: ids.r3 ?? "" });
    expect(await shown()).toBe("u");
    await select("r2");
    expect(await shown()).toBe("u r2");
    await messages.restoreMessage({ messageId: ids.r3 ?? "" });
    await select("r3");
    expect(await shown()).toBe("u r3");
  });

  test("assistant-ui/assistant-ui#6978: selecting an entry before the fork leaves the chosen branch as it is", async () => {
    const { send, shown, select } = await begin();
    await send("r");
    await send("a");
    await send("x");
    await send("b", "r");
    await send("y");
    await select("x");
    await select("r");
    expect(await shown()).toBe("r a x");
  });

  test("danny-avila/LibreChat#3380: a message of a conversation that was left and entered again makes no fork", async () => {
    const { send, tips, conversations, messages, ids } = await begin();
    await send("u1");
    await send("a1");
    const { conversation } = await conversations.createConversation({});
    await messages.sendMessage({ conversationId: conversation?.id ?? "", message: { content: "elsewhere" } });
    await send("u2", "a1");
    expect([await tips(), ids.u2 !== undefined]).toEqual([["u2"], true]);
  });

  test("assistant-ui/assistant-ui#4774, ggml-org/llama.cpp#25451: every branch is in an export, and back after an import", async () => {
    const { tenant, send, conversationId, messages } = await begin();
    await send("u1");
    await send("a1");
    await send("b1", "u1");
    await send("r", conversationId);
    const copy = await server.tenant("ann");
    expect((await imported(copy.key(), await exported(tenant.key(), conversationId))).errors).toEqual([]);
    const there = await copy.member("ann").messages.listBranches({ conversationId });
    expect(there).toEqual(await messages.listBranches({ conversationId }));
    expect(there.branches).toHaveLength(3);
  });

  test("MemPalace/mempalace#330, langchain-ai/langgraph#8443: an agent and a search see the live branch alone", async () => {
    const { tenant, send, conversations, conversationId, turns, messages } = await begin();
    await tenant.key().agents.createAgent({ agent: { name: "echo", connector: { case: "echo", value: {} } } });
    await conversations.updateConversation({ conversationId, conversation: { agent: "echo" } });
    await send("u1");
    await send("abandoned");
    const replies: string[] = [];
    const parentId = (await messages.listMessages({ conversationId })).messages[0]?.id ?? "";
    for await (const { event } of turns.chat({ conversationId, message: { content: "again", parentId } })) {
      if (event.case === "ended") replies.push(event.value.reply?.content ?? "");
    }
    expect(replies).toEqual(["again"]);
    expect((await messages.searchMessages({ query: "abandoned" })).matches).toEqual([]);
    const list = await messages.listMessages({ conversationId });
    expect(list.messages.map(({ content }) => content)).toEqual(["u1", "again", "again"]);
  });

  test("anthropics/claude-code#88597: an entry of another kind does not take the place of the reply beside it", async () => {
    const { send, shown, messages, conversationId, ids } = await begin();
    await send("u1");
    await send("reply", "u1");
    const summary = {
      content: "",
      kind: 7,
      parentId: ids.u1 ?? "",
      parts: [{ content: { case: "data", value: { json: "1" } } }],
    };
    await messages.sendMessage({ conversationId, message: summary as object });
    expect(await shown({ branchMessageId: ids.reply })).toBe("u1 reply");
    const { branches } = await messages.listBranches({ conversationId });
    expect(branches.map(({ live }) => live)).toEqual([false, true]);
  });
});

describe("clients' ids", () => {
  test("vercel/ai#7717, mastra-ai/mastra#11091: a message that is saved twice is there once", async () => {
    const { send, shown } = await begin();
    const first = await send("hi", "", "msg_1");
    expect(await send("hi", "", "msg_1")).toBe(first);
    expect(await shown()).toBe("hi");
  });

  test("assistant-ui/assistant-ui#2349, miurla/morphic#604: a message is found by the id that its client gave", async () => {
    const { send, shown } = await begin();
    await send("a", "", "OCcX6RZ");
    await send("b", "a", "z2v6tVu");
    expect([await shown({ clientId: "z2v6tVu" }), await shown({ clientId: "other" })]).toEqual(["b", ""]);
  });
});

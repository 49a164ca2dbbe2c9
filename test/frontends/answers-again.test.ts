// An answer that a client sends twice, over each front end that takes one: at once, while the reply runs and after it;
// to the server that has it and to another one. It is taken once, and whoever sends it gets the reply.
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { MessageKind } from "../../gen/colloquy/v1/message_pb.ts";
import { postA2a } from "../support/fronts/a2a.ts";
import { calls } from "../support/fronts/agui.ts";
import { type Any, chunksOf } from "../support/fronts/ai-sdk.ts";
import { administer } from "../support/postgres/postgres.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { type FakeAgent, startFakeAgent } from "../support/services/agents.ts";

let here: IdentityServer;
let other: IdentityServer;
let agent: FakeAgent;
let key: Credential;
let asked: PromiseWithResolvers<void>;
let go: PromiseWithResolvers<void>;
/** How often the agent was asked for the reply. */
let replies = 0;

beforeAll(async () => {
  agent = await startFakeAgent();
  const environment = {
    COLLOQUY_COMPAT: "aisdk,agui,a2a",
    COLLOQUY_AGENT_PRIVATE: "yes",
    COLLOQUY_HINTS: "postgres",
  };
  here = await startIdentityServer({ environment });
  other = await startIdentityServer({ environment, beside: here });
  key = (await (await here.tenant()).key("read", "write", "admin")).credential;
  const connector = { case: "connect", value: { baseUrl: agent.url } } as const;
  const tools = [
    { name: "locate", runs: { case: "client", value: {} } },
    { name: "erase", needsApproval: true, runs: { case: "client", value: {} } },
  ] as const;
  await here.client(AgentService, key).createAgent({ agent: { name: "default", connector, tools: [...tools] } });
  agent.answer = async function* ({ messages }) {
    const answered = messages.some(({ kind }) => kind === MessageKind.TOOL_RESULT);
    const name = messages.findLast(({ content }) => content !== "")?.content ?? "";
    if (!answered) {
      yield { text: "Wait." };
      yield calls("c1", name, "{}");
      return;
    }
    replies += 1;
    yield { text: "All " };
    asked.resolve();
    await go.promise;
    yield { text: "done." };
  };
});
afterAll(async () => {
  await other?.close();
  await here?.close();
  await agent?.close();
});
afterEach(() => {
  replies = 0;
});

async function json(url: string, body: unknown): Promise<{ status: number; text: string }> {
  const response = await fetch(url, {
    method: "POST",
    headers: { ...key, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

/** Asks, and returns how the answer is sent to a server, which says what came of it. */
type Begin = (tool: "locate" | "erase") => Promise<(url: string) => Promise<string>>;

const aisdk: Begin = async (tool) => {
  const id = randomUUID();
  const user = { id: randomUUID(), role: "user", parts: [{ type: "text", text: tool }] };
  await json(`${here.url}/api/chat`, { id, messages: [user] });
  const history: Any = await (await fetch(`${here.url}/api/chat/${id}/messages`, { headers: key })).json();
  const reply = history.at(-1);
  const parts = reply.parts.map((part: Any) => {
    if (part.toolCallId !== "c1") return part;
    if (tool === "locate") return { ...part, state: "output-available", output: "Rome" };
    return { ...part, state: "approval-responded", approval: { ...part.approval, approved: false } };
  });
  return async (url) => {
    const { status, text } = await json(`${url}/api/chat`, { id, messages: [user, { ...reply, parts }] });
    if (status !== 200) return `${status} ${text}`;
    const chunks = chunksOf(text);
    const said = chunks.flatMap(({ type, delta }: Any) => (type === "text-delta" ? [delta] : [])).join("");
    return `${said} ${chunks.at(-2)?.type}`;
  };
};

const agui: Begin = async (tool) => {
  const threadId = randomUUID();
  const user = { id: randomUUID(), role: "user", content: tool };
  const input = { threadId, tools: [], context: [], state: {}, forwardedProps: {} };
  const first = await json(`${here.url}/agui/default`, { ...input, runId: "r1", messages: [user] });
  const events = chunksOf(first.text);
  const { toolCallId } = events.find(({ type }: Any) => type === "TOOL_CALL_START");
  const interrupts = events.at(-1).outcome?.interrupts ?? [];
  const answer =
    tool === "locate"
      ? { messages: [user, { id: randomUUID(), role: "tool", toolCallId, content: "Rome" }] }
      : {
          messages: [user],
          resume: interrupts.map(({ id }: Any) => ({
            interruptId: id,
            status: "resolved",
            payload: { approved: false },
          })),
        };
  return async (url) => {
    const { status, text } = await json(`${url}/agui/default`, { ...input, runId: "r2", ...answer });
    if (status !== 200) return `${status} ${text}`;
    const said = chunksOf(text);
    const deltas = said.flatMap(({ type, delta }: Any) => (type === "TEXT_MESSAGE_CONTENT" ? [delta] : [])).join("");
    const snapshot = said.findLast(({ type }: Any) => type === "MESSAGES_SNAPSHOT")?.messages ?? [];
    const shown = snapshot.findLast(({ role, content }: Any) => role === "assistant" && content)?.content ?? "";
    const whole = deltas === "" || !deltas.startsWith("All") ? `${shown === "Wait." ? "" : shown}${deltas}` : deltas;
    return `${whole} ${said.at(-1)?.type}`;
  };
};

const a2a: Begin = async (tool) => {
  const send = (url: string, message: object) =>
    postA2a(url, key, "SendMessage", {
      message: { messageId: randomUUID(), role: "ROLE_USER", ...message },
    });
  const { body } = await send(here.url, { parts: [{ text: tool }] });
  const { id: taskId, contextId, status } = body.result.task;
  const { approvalId } = status.message.parts[0].data;
  const data = tool === "locate" ? { toolCallId: "c1", output: "Rome" } : { approvalId, approved: false };
  const message = { messageId: randomUUID(), taskId, contextId, parts: [{ data }] };
  return async (url) => {
    const { body: answered } = await send(url, message);
    if (answered.error) return `${answered.error.code} ${answered.error.message}`;
    const { artifacts, status: last } = answered.result.task;
    const texts = artifacts[0].parts.map(({ text }: Any) => text);
    return `${texts.at(-1)} ${last.state}`;
  };
};

const ALL = [
  ["AI SDK", aisdk, "All done. finish"],
  ["AG-UI", agui, "All done. RUN_FINISHED"],
  ["A2A", a2a, "All done. TASK_STATE_COMPLETED"],
] as const;

describe.each(ALL)("%s", (_, begin, whole) => {
  describe.each(["locate", "erase"] as const)("an answer to %s", (tool) => {
    test.each([
      ["this server", () => here],
      ["another server", () => other],
    ])("at %s", async (__, at) => {
      asked = Promise.withResolvers();
      go = Promise.withResolvers();
      const send = await begin(tool);
      const both = [send(here.url), send(at().url)];
      await asked.promise;
      const during = send(at().url);
      // Followers of the other server see the text once it is saved.
      const saved = () => administer(here.databaseUrl, "select text from turn where state = 2");
      await expect.poll(saved).toEqual([{ text: "All " }]);
      go.resolve();
      expect(await Promise.all([...both, during])).toEqual([whole, whole, whole]);
      expect(await send(at().url)).toBe(whole);
      expect(replies).toBe(1);
    });
  });
});

// What an agent's failures say: of this conversation, or of the agent.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FinishReason, TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import { Circuit } from "../../src/agents/connectors/circuit-breaker.ts";
import { hear } from "../support/fronts/chat.ts";
import { type StoreServer, startStoreServer } from "../support/servers/store-server.ts";
import { type FakeOpenAi, startFakeOpenAi } from "../support/services/agents.ts";
import { type ModelServer, startModelServer } from "../support/services/model-server.ts";

let server: StoreServer;
let openai: FakeOpenAi;
let model: ModelServer;
beforeAll(async () => {
  [server, openai, model] = await Promise.all([startStoreServer(), startFakeOpenAi(), startModelServer()]);
});
afterAll(() => Promise.all([server.close(), openai.close(), model.close()]));

async function chatter(agent: object = {}) {
  const tenant = await server.tenant();
  const { agents, conversations, turns } = tenant.key();
  const connector = { case: "openai", value: { baseUrl: openai.url, model: "m" } } as const;
  await agents.createAgent({ agent: { name: "helper", connector, ...agent } });
  return async (content: string) => {
    const { conversation } = await conversations.createConversation({ conversation: { agent: "helper" } });
    return hear(turns.chat({ conversationId: conversation?.id ?? "", message: { content } }));
  };
}

describe("F-AGENT-400: an agent", () => {
  test("that refuses one conversation six times still answers another", async () => {
    const chat = await chatter();
    openai.answer = (call) => {
      if (call.body.messages[0]?.content === "bad") return call.response.writeHead(400).end("{}");
      call.say("good");
      call.finish();
    };
    for (let times = 0; times < 6; times++) {
      expect((await chat("bad")).ended?.turn?.failure).toBe("the agent returned status 400");
    }
    expect(await chat("fine")).toMatchObject({ text: "good", ended: { turn: { state: TurnState.COMPLETE } } });
  });

  test.each([
    [400, 0],
    [401, 0],
    [402, 0],
    [403, 0],
    [404, 0],
    [405, 0],
    [409, 0],
    [413, 0],
    [415, 0],
    [422, 0],
    [302, 0],
    [204, 0],
    [408, 1],
    [429, 1],
    [500, 1],
    [502, 1],
    [503, 1],
    [504, 1],
    [529, 1],
  ])("that answers %i speaks %i times against itself", async (status, failures) => {
    const circuit = new Circuit({ failures: 1, openMs: 60_000, maxRestMs: 60_000 });
    model.answer = (response) =>
      response.writeHead(status, { "retry-after": "0" }).end(status === 204 ? undefined : "<html>no</html>");
    const { failure, times } = await model.ask({ circuit });
    expect(failure?.message).toBe(`the agent returned status ${status}`);
    expect(times).toBe(failures === 0 ? 1 : 2);
    expect(circuit.enter() === undefined ? 0 : 1).toBe(failures);
  });

  test("that answered though not this one closes a circuit that lets one try through", async () => {
    let now = 0;
    const circuit = new Circuit({ failures: 1, openMs: 100, maxRestMs: 1_000 }, () => now);
    circuit.failed();
    now = 100;
    model.answer = (response) => response.writeHead(422).end();
    await model.ask({ circuit });
    expect([circuit.enter(), circuit.enter()]).toEqual([undefined, undefined]);
  });

  test.each([
    ["retry-after", "0.2", 200],
    ["retry-after", "1", 1_000],
    ["retry-after-ms", "150", 150],
  ])("that asks for a pause with %s: %s is asked again after it, and then answers", async (name, value, ms) => {
    const asked: number[] = [];
    model.answer = (response) => {
      asked.push(performance.now());
      if (asked.length === 1) return response.writeHead(429, { [name]: value }).end();
      response.end('data: {"choices":[{"delta":{"content":"yes"},"finish_reason":"stop"}]}\n\n');
    };
    expect(await model.ask()).toMatchObject({ text: "yes", finish: "STOP", times: 2 });
    // Timers may be a millisecond early.
    expect((asked[1] ?? 0) - (asked[0] ?? 0)).toBeGreaterThan(ms - 5);
  });

  test("that asks for a long pause is not waited for, and is left alone for as long once the circuit opens", async () => {
    const circuit = new Circuit({ failures: 1, openMs: 1_000, maxRestMs: 300_000 }, () => 0);
    model.answer = (response) => response.writeHead(503, { "retry-after": "120" }).end();
    expect(await model.ask({ circuit })).toMatchObject({ times: 1, failure: { retryAfterMs: 120_000 } });
    expect(circuit.enter()).toBe(120_000);
    circuit.failed(1e9);
    expect(circuit.enter()).toBe(300_000);
  });

  test("whose port nobody listens on is down", async () => {
    const gone = await startModelServer();
    await gone.close();
    const circuit = new Circuit({ failures: 1, openMs: 1_000, maxRestMs: 1_000 });
    expect((await gone.ask({ circuit })).failure).toMatchObject({ retryable: true, health: "down" });
    expect(circuit.enter()).toBeGreaterThan(0);
  });
});

const SO = 'data: {"choices":[{"delta":{"content":"so"},"finish_reason":"stop"}]}\n\n';

describe("F-THINKING: an agent is alive that sends", () => {
  test.each([
    ["reasoning_content", 'data: {"choices":[{"delta":{"reasoning_content":"hm"}}]}\n\n'],
    ["reasoning", 'data: {"choices":[{"delta":{"reasoning":"hm","content":""}}]}\n\n'],
    ["thinking parts", 'data: {"choices":[{"delta":{"content":[{"type":"thinking","thinking":[]}]}}]}\n\n'],
    ["comments", ": OPENROUTER PROCESSING\n\n"],
    ["roles alone", 'data: {"choices":[{"delta":{"role":"assistant","content":null}}]}\n\n'],
    ["empty choices", 'data: {"choices":[]}\n\n'],
    ["a document, slowly", " ", '{"choices":[{"message":{"content":"so"},"finish_reason":"stop"}]}'],
    ["empty frames", "data:\n\n"],
  ])("%s", async (_, sign, last = SO) => {
    model.answer = (response) => {
      let signs = 0;
      const signing = setInterval(() => {
        if (++signs < 12) return response.write(sign);
        clearInterval(signing);
        response.end(last);
      }, 100);
    };
    // Silent for longer than it may be, were it not for the signs.
    expect(await model.ask({ idleMs: 1_000 })).toMatchObject({ text: "so", finish: "STOP", times: 1 });
  });

  test("nothing is silent", async () => {
    model.answer = (response) => response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    expect((await model.ask({ idleMs: 50 })).failure).toMatchObject({
      message: "the agent was silent for too long",
      health: "down",
    });
  });

  test("thoughts for ever is ended when its time is over, and is not taken for down", async () => {
    model.answer = (response) => {
      const thinking = setInterval(() => response.write('data: {"choices":[{"delta":{"reasoning":"hm"}}]}\n\n'), 10);
      response.on("close", () => clearInterval(thinking));
    };
    const { failure } = await model.ask({ idleMs: 400, totalMs: 800 });
    expect(failure).toMatchObject({ message: "the agent took too long", health: "unknown" });
  });
});

describe("F-FINISH: a turn says why its reply ends", () => {
  const end = (reason: string) => `data: {"choices":[{"delta":{},"finish_reason":"${reason}"}]}\n\n`;
  test.each([
    ["stop", "said", TurnState.COMPLETE, FinishReason.STOP],
    ["length", "said", TurnState.COMPLETE, FinishReason.LENGTH],
    ["content_filter", "said", TurnState.COMPLETE, FinishReason.CONTENT_FILTER],
    ["tool_calls", "said", TurnState.COMPLETE, FinishReason.TOOL_CALLS],
    ["stop", "", TurnState.COMPLETE, FinishReason.STOP],
    ["length", "", TurnState.FAILED, FinishReason.LENGTH],
    ["content_filter", "", TurnState.FAILED, FinishReason.CONTENT_FILTER],
    ["tool_calls", "", TurnState.FAILED, FinishReason.TOOL_CALLS],
    ["error", "said", TurnState.FAILED, FinishReason.ERROR],
  ])("%s after %j", async (reason, text, state, finishReason) => {
    const chat = await chatter();
    openai.answer = (call) => {
      call.response.writeHead(200, { "content-type": "text/event-stream" });
      if (text !== "") call.say(text);
      call.response.end(end(reason));
    };
    const { ended } = await chat("hi");
    expect(ended?.turn).toMatchObject({ state, finishReason });
    expect(ended?.turn?.failure === "").toBe(state === TurnState.COMPLETE);
    expect(ended?.reply?.content ?? "").toBe(text);
  });
});

test("an agent's credential, repeated by its endpoint, is in no turn", async () => {
  const credential = "sk-of-the-agent";
  const chat = await chatter({ credential });
  openai.answer = ({ body, response }) => {
    const error = { message: `Incorrect API key: ${credential}`, code: `key_${credential}` };
    if (body.messages[0]?.content === "bad") return response.writeHead(401).end(JSON.stringify({ error }));
    const choices = [{ index: 0, message: { content: "good" }, finish_reason: "stop" }];
    return response.writeHead(200).end(JSON.stringify({ model: `m-${credential}`, choices }));
  };
  expect((await chat("bad")).ended?.turn).toMatchObject({ failureStatus: 401, failureCode: "key_[redacted]" });
  expect((await chat("fine")).ended?.turn).toMatchObject({ state: TurnState.COMPLETE, model: "m-[redacted]" });
});

// What the steps of a turn with tools cost: processor time of the server for each, and of a long turn of many steps.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createCaller } from "../caller.ts";
import { type Measured, spreadOf } from "../measure.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";

const ROUNDS = 3;
/** Turns of a kind in each round: processor time is counted in steps of 10 ms. */
const TURNS = 20;
const STEPS = 5;
const LONG_STEPS = 20;
const LONG_DELTAS = 2_000;
const LONG_TURNS = 2;

/** How an agent that takes no time of its own replies. */
interface Script {
  /** Calls of the tool before the text. */
  steps: number;
  /** Pieces of text in each step. */
  deltas: number;
}

export async function steps(stage: Stage): Promise<Row> {
  const server = await stage.colloquy("colloquy with agents", {
    COLLOQUY_AGENT_PRIVATE: "yes",
    COLLOQUY_HINTS: "local",
  });
  const script: Script = { steps: 0, deltas: 1 };
  const agent = await startAgent(script);
  const caller = createCaller(server.port, stage.token("admin"));
  try {
    const name = `steps-${Date.now()}`;
    const openai = { baseUrl: `${agent.url}/v1`, model: "bench" };
    const tools = [{ name: "look", http: { url: `${agent.url}/tool` } }];
    await caller.json("/v1/agents", { name, openai, tools });
    const turn = async (wanted: Script): Promise<void> => {
      Object.assign(script, wanted);
      const made = await caller.json<{ id: string }>("/v1/conversations", { conversation: { agent: name } });
      const asked = { message: { content: "go on" }, streamEntries: true };
      const { text } = await caller.send(`/v1/conversations/${made.id}:chat`, JSON.stringify(asked));
      const results = text.split('"toolResult"').length - 1;
      if (!text.includes("TURN_STATE_COMPLETE") || results < wanted.steps) throw new Error(text.slice(-500));
    };
    const kinds = [
      { name: "of one message", script: { steps: 0, deltas: 1 }, turns: TURNS },
      { name: `of ${STEPS} steps with a tool each`, script: { steps: STEPS, deltas: 1 }, turns: TURNS },
      { name: `of ${LONG_DELTAS} deltas`, script: { steps: 0, deltas: LONG_DELTAS }, turns: LONG_TURNS },
      {
        name: `of ${LONG_STEPS} steps and ${LONG_DELTAS} deltas`,
        // The last step has a share of the words too.
        script: { steps: LONG_STEPS - 1, deltas: LONG_DELTAS / LONG_STEPS },
        turns: LONG_TURNS,
      },
    ];
    const cpu = kinds.map((): number[] => []);
    const wall = kinds.map((): number[] => []);
    // The first round is the warm-up.
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [index, kind] of kinds.entries()) {
        const [before, begun] = [server.cpuMicros(), performance.now()];
        for (let n = 0; n < kind.turns; n++) await turn(kind.script);
        if (round === 0) continue;
        cpu[index]?.push((server.cpuMicros() - before) / 1_000 / kind.turns);
        wall[index]?.push((performance.now() - begun) / kind.turns);
      }
    }
    const measured = kinds.flatMap(({ name: kind }, index): Measured[] => [
      { name: `processor time of a turn ${kind}`, amount: spreadOf(cpu[index] ?? []), unit: " ms" },
      { name: `a turn ${kind}`, amount: spreadOf(wall[index] ?? []), unit: " ms" },
    ]);
    // Whatever else the machine does only adds to it.
    const [plain, stepped, , long] = cpu.map((one) => spreadOf(one).least);
    return {
      goal: "–",
      work: `Turns that call a tool over HTTP, of an agent that takes no time, ${ROUNDS} times in turn`,
      measured,
      verdicts: [
        {
          what: "least processor time of a step",
          value: ((stepped ?? Number.NaN) - (plain ?? Number.NaN)) / STEPS,
          atMost: 3,
          unit: " ms",
        },
        { what: "of the long turn", value: long ?? Number.NaN, atMost: 150, unit: " ms" },
      ],
    };
  } finally {
    caller.close();
    agent.close();
  }
}

/** Speaks OpenAI's chat completions, and is the tool that it calls. */
async function startAgent(script: Script): Promise<{ readonly url: string; close(): void }> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (request.url === "/tool") response.end('"a result"');
    else reply(response, script, JSON.parse(Buffer.concat(chunks).toString()).messages);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function reply(response: ServerResponse, script: Script, messages: readonly { readonly role: string }[]): void {
  const done = messages.filter(({ role }) => role === "tool").length;
  const event = (delta: object, finish: string | null) => {
    const choices = [{ index: 0, delta, finish_reason: finish }];
    const chunk = { id: "1", object: "chat.completion.chunk", created: 1, model: "bench", choices };
    return `data: ${JSON.stringify(chunk)}\n\n`;
  };
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (let n = 0; n < script.deltas; n++) response.write(event({ content: "word " }, null));
  if (done < script.steps) {
    const call = { index: 0, id: `call_${done}`, type: "function", function: { name: "look", arguments: "{}" } };
    response.write(event({ tool_calls: [call] }, null) + event({}, "tool_calls"));
  } else {
    response.write(event({}, "stop"));
  }
  response.end("data: [DONE]\n\n");
}

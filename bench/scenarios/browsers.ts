// Many browsers that follow one turn over AI SDK's stream: what a piece of text costs for each, and how late it comes.
import { randomUUID } from "node:crypto";
import { connect, type Socket } from "node:net";
import { createCaller } from "../caller.ts";
import { spreadOf } from "../measure.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";
import { type Model, startModel } from "./model.ts";

const BROWSERS = 1_000;
/** A thousand that come in the same moment would be refused. */
const AT_ONCE = 25;
/** The first is said before they come, the others once all are there: five seconds. */
const DELTAS = 100;
const PACE_MS = 50;

export async function browsers(stage: Stage): Promise<Row> {
  const server = await stage.colloquy("colloquy with chats", {
    COLLOQUY_COMPAT: "aisdk",
    COLLOQUY_AGENT_PRIVATE: "yes",
    COLLOQUY_HINTS: "local",
  });
  const model = await startModel();
  // A caller has a thousand streams at most: who asks is another one than who follows.
  const token = stage.token("admin");
  const caller = createCaller(server.port, stage.token("measured"), 2);
  const admin = createCaller(server.port, token);
  try {
    const name = `browsers-${Date.now()}`;
    await admin.json("/v1/agents", { name, openai: { baseUrl: `http://127.0.0.1:${model.port}/v1`, model: "bench" } });
    const { id } = await caller.json<{ id: string }>("/v1/conversations", { conversation: { agent: name } });
    const there = Promise.withResolvers<void>();
    Object.assign(model, { deltas: DELTAS, paceMs: PACE_MS, hold: there.promise });
    const asked = { id, messages: [{ id: randomUUID(), role: "user", parts: [{ type: "text", text: "go on" }] }] };
    const turn = caller.send("/api/chat", JSON.stringify(asked));
    await waitFor(() => model.spokeAt > 0);
    const following = await join(server.port, `/api/chat/${id}/stream`, token, model);
    const before = server.cpuMicros();
    there.resolve();
    const heard = await Promise.all(following);
    const micros = (server.cpuMicros() - before) / (BROWSERS * DELTAS);
    await turn;
    const missing = heard.reduce((sum, { words }) => sum + Math.max(0, DELTAS - words), 0);
    const twice = heard.reduce((sum, { words }) => sum + Math.max(0, words - DELTAS), 0);
    const late = spreadOf(heard.map(({ lateMs }) => lateMs));
    return {
      goal: "–",
      work: `${BROWSERS.toLocaleString("en")} browsers that join a turn of ${DELTAS} deltas, ${1_000 / PACE_MS} a second`,
      measured: [
        { name: "from the last delta to the end of a browser's stream", amount: late, unit: " ms" },
        { name: "server, a delta for each browser", amount: spreadOf([micros]), unit: " µs" },
      ],
      verdicts: [
        { what: "missing", value: missing, atMost: 0 },
        { what: "twice", value: twice, atMost: 0 },
      ],
    };
  } finally {
    caller.close();
    admin.close();
    model.close();
  }
}

interface Heard {
  readonly words: number;
  readonly lateMs: number;
}

/** Lets all browsers come, and gives what each will have heard at the end of the turn. */
async function join(port: number, path: string, token: string, model: Model): Promise<Promise<Heard>[]> {
  const ends: Promise<Heard>[] = [];
  for (let from = 0; from < BROWSERS; from += AT_ONCE) {
    const begun = Array.from({ length: AT_ONCE }, () => browser(port, path, token, model));
    ends.push(...begun.map(({ end }) => end));
    await Promise.all(begun.map(({ open }) => open));
  }
  return ends;
}

function browser(port: number, path: string, token: string, model: Model) {
  const open = Promise.withResolvers<void>();
  const end = Promise.withResolvers<Heard>();
  const socket: Socket = connect(port, "127.0.0.1", () => {
    socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token}\r\n\r\n`);
  });
  let words = 0;
  let said = "";
  let rest = "";
  socket.on("data", (chunk: Buffer) => {
    open.resolve();
    said = chunk.toString("latin1");
    const text = rest + said;
    words += text.split(model.word).length - 1;
    if (text.includes("[DONE]")) {
      end.resolve({ words, lateMs: performance.now() - model.endedAt });
      socket.destroy();
    }
    // A word that is split between two packets is counted with the second.
    const last = text.lastIndexOf(model.word);
    rest = text.slice(Math.max(last < 0 ? 0 : last + model.word.length, text.length - model.word.length + 1));
  });
  const fail = (why: unknown) => {
    open.reject(why);
    end.reject(why);
  };
  socket.on("error", fail).on("close", () => fail(new Error(`a stream ended after ${words} words: ${said}`)));
  return { open: open.promise, end: end.promise };
}

async function waitFor(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setTimeout(resolve, 5));
}

// Measures what an open conversation costs while much happens in it: a long reply that streams, and messages of others.
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout } from "node:timers/promises";
import { createClient, type Transport } from "@connectrpc/connect";
import type { Browser, CDPSession } from "playwright-core";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { TurnService } from "../../gen/colloquy/v1/turn_service_pb.ts";
import type { OpenPage } from "./figures.ts";

const DELTAS = 5_000;
const DELTAS_A_SECOND = 100;
const MESSAGES = 400;
const MESSAGES_A_SECOND = 20;
const PARTS = 5;
const AGENT = "long-winded";

export interface ReplyFigures {
  /** Of each fifth of the deltas: milliseconds of scripts and of all work of the page's thread, and megabytes of heap. */
  readonly parts: readonly { readonly script: number; readonly thread: number; readonly heap: number }[];
}

/** A reply of thousands of words, in paragraphs of 60. */
export async function measureReply(browser: Browser, open: OpenPage, transport: Transport): Promise<ReplyFigures> {
  const model = await startModel();
  const connector = { case: "openai", value: { baseUrl: model.url, model: "long-1" } } as const;
  await createClient(AgentService, transport).createAgent({ agent: { name: AGENT, connector } });
  const conversationId = await create(transport, { title: "A long reply", agent: AGENT });
  const page = await open(browser, `/conversations/${conversationId}`);
  await page.getByText("No message yet").waitFor();
  const session = await page.context().newCDPSession(page);
  // What the thread used, not what the clock says: others are busy on the machine.
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const turns = createClient(TurnService, transport);
  await turns.createTurn({ conversationId, messages: [{ content: "Tell me all." }] });
  const parts: ReplyFigures["parts"][number][] = [];
  let before = await usage(session);
  for (let part = 1; part <= PARTS; part++) {
    await page
      .getByText(`word${(part * DELTAS) / PARTS - 1}.`, { exact: false })
      .last()
      .waitFor({ timeout: 120_000 });
    const now = await usage(session);
    parts.push({ script: now.script - before.script, thread: now.thread - before.thread, heap: now.heap });
    before = now;
  }
  await page.context().close();
  model.close();
  return { parts };
}

export interface PaintFigures {
  /** From the call that sends a message to the frame that shows it, in milliseconds. */
  readonly median: number;
  readonly p95: number;
  /** What the page's thread used for a message, in milliseconds. */
  readonly thread: number;
}

/** Of the first and the last hundred messages that are sent one after the other into a conversation that is open. */
export async function measurePaint(browser: Browser, open: OpenPage, transport: Transport): Promise<PaintFigures[]> {
  const conversationId = await create(transport, { title: "A busy log" });
  const page = await open(browser, `/conversations/${conversationId}`);
  await page.getByText("No message yet").waitFor();
  await page.evaluate(`globalThis.painted = new Map();
    new MutationObserver(() => {
      for (const { textContent } of document.querySelectorAll("[data-message]:nth-last-child(-n+40)")) {
        const number = /number-(\\d+)\\./.exec(textContent)?.[1];
        if (number === undefined || painted.has(number)) continue;
        painted.set(number, 0);
        requestAnimationFrame(() => setTimeout(() => painted.set(number, Date.now())));
      }
    }).observe(document.querySelector("[role=log]"), { childList: true, subtree: true });`);
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const messages = createClient(MessageService, transport);
  const used = [await usage(session)];
  const sent: number[] = [];
  const sending: Promise<unknown>[] = [];
  for (let number = 0; number < MESSAGES; number++) {
    if (number > 0 && number % 100 === 0) used.push(await usage(session));
    sent.push(Date.now());
    sending.push(messages.sendMessage({ conversationId, message: { content: `number-${number}.` } }));
    await setTimeout(1_000 / MESSAGES_A_SECOND);
  }
  await Promise.all(sending);
  await page.getByText(`number-${MESSAGES - 1}.`).waitFor();
  await setTimeout(1_000);
  used.push(await usage(session));
  const painted = new Map((await page.evaluate("[...painted]")) as [string, number][]);
  await page.context().close();
  const waits = sent.map((time, number) => (painted.get(String(number)) ?? Number.POSITIVE_INFINITY) - time);
  return [1, MESSAGES / 100].map((part) => {
    const sorted = waits.slice((part - 1) * 100, part * 100).toSorted((a, b) => a - b);
    const thread = ((used[part]?.thread ?? 0) - (used[part - 1]?.thread ?? 0)) / 100;
    return { median: sorted[50] ?? 0, p95: sorted[95] ?? 0, thread };
  });
}

async function create(transport: Transport, conversation: { title: string; agent?: string }): Promise<string> {
  const made = await createClient(ConversationService, transport).createConversation({ conversation });
  return made.conversation?.id ?? "";
}

async function usage(session: CDPSession): Promise<{ script: number; thread: number; heap: number }> {
  await session.send("HeapProfiler.collectGarbage");
  const { metrics } = await session.send("Performance.getMetrics");
  const value = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? 0;
  return {
    script: 1_000 * value("ScriptDuration"),
    thread: 1_000 * value("TaskDuration"),
    heap: value("JSHeapUsedSize") / 1_000_000,
  };
}

/** A model that writes so many words, evenly. */
async function startModel(): Promise<{ readonly url: string; close(): void }> {
  const write = async (response: ServerResponse) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const began = performance.now();
    for (let index = 0; index < DELTAS; index++) {
      const content = `word${index}.${index % 60 === 59 ? "\n\n" : " "}`;
      response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`);
      const due = (1_000 * (index + 1)) / DELTAS_A_SECOND - (performance.now() - began);
      if (due > 0) await setTimeout(due);
    }
    response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\n`);
    response.end("data: [DONE]\n\n");
  };
  const server = createServer((request, response) => {
    request.resume().on("end", () => void write(response));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, close: () => server.close() };
}

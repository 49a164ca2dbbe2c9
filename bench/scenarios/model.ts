// A model that speaks at an even pace.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Between two deltas, in milliseconds, unless told otherwise: a long turn takes some seconds. */
const PACE_MS = 2;

export interface Model {
  readonly port: number;
  readonly word: string;
  /** How many each answer has. */
  deltas: number;
  /** Between two of them, in milliseconds. */
  paceMs: number;
  /** What it waits for after the first of them. */
  hold: Promise<void> | undefined;
  /** When the first delta of the latest answer was written. */
  spokeAt: number;
  /** When its last delta was written. */
  endedAt: number;
  close(): void;
}

/** Speaks OpenAI's chat completions, streamed. */
export async function startModel(): Promise<Model> {
  const server = createServer((request, response) => {
    request.resume().on("end", () => void speak(response, model));
  });
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  const model = {
    port: 0,
    word: "word ",
    deltas: 1,
    paceMs: PACE_MS,
    hold: undefined as Promise<void> | undefined,
    spokeAt: 0,
    endedAt: 0,
    close,
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  model.port = (server.address() as AddressInfo).port;
  return model;
}

async function speak(response: ServerResponse, model: Model): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  // The answer's head is on its way before the first word, as with a model that thinks.
  response.flushHeaders();
  await sleep(20);
  let begun = performance.now();
  model.spokeAt = begun;
  for (let number = 0; number < model.deltas; ) {
    response.write(eventOf({ content: model.word }, null));
    number++;
    if (number === 1 && model.hold !== undefined) {
      await model.hold;
      begun = performance.now();
    }
    // Timers are late on a busy machine; what is due by now goes at once.
    if (performance.now() - begun < number * model.paceMs) await sleep(model.paceMs);
  }
  model.endedAt = performance.now();
  response.write(eventOf({}, "stop"));
  response.end("data: [DONE]\n\n");
}

function eventOf(delta: object, finish: string | null): string {
  const choices = [{ index: 0, delta, finish_reason: finish }];
  return `data: ${JSON.stringify({ id: "1", object: "chat.completion.chunk", created: 1, model: "bench", choices })}\n\n`;
}

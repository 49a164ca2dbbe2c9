// Writers and readers that record what they do: over every wire, with and without request ids, one text or several.
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { History, Outcome, Place } from "../history/history.ts";
import { type Failure, failureOf } from "./outcome.ts";
import type { Random } from "./random.ts";
import { type Clients, clientsOver, patientClients, WIRES } from "./wires.ts";

export interface WritersOptions {
  readonly history: History;
  /** Where each writer calls; drawn for each. */
  readonly urls: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly conversationIds: readonly string[];
  readonly random: Random;
  readonly writers: number;
  /** How many of all writes carry a request id and are repeated until they are acknowledged; from 0 to 1. */
  readonly repeated: number;
  /** Readers that page forward all the time. Default: 2. */
  readonly readers?: number;
  /** Between two writes of a writer, in milliseconds. Default: 0. */
  readonly pauseMs?: number;
}

export interface Writers {
  /** What the server answered, by reason; `ok` for success, the client's code where no answer came. */
  readonly answers: ReadonlyMap<string, number>;
  /** Texts acknowledged so far. */
  readonly acknowledged: number;
  /** Tries that were made anew under a request id. */
  readonly repeats: number;
  /** Lets each writer finish what it does; all with a request id come to a definite end. */
  stop(): Promise<void>;
}

/** Backs off a little, so that a server that is down is not asked in a busy loop. */
const PAUSE_MS = 25;
/** Nobody waits longer for one answer: a lost connection must not hold a writer for ever. */
const PATIENCE_MS = 20_000;

export function startWriters(options: WritersOptions): Writers {
  const { history, random, conversationIds } = options;
  const answers = new Map<string, number>();
  const stopping = new AbortController();
  const state = { acknowledged: 0, repeats: 0 };
  let serial = 0;

  const heard = (what: string) => answers.set(what, (answers.get(what) ?? 0) + 1);

  async function tryOnce(
    clients: Clients,
    conversationId: string,
    texts: readonly string[],
    requestId: string,
  ): Promise<Outcome | Failure> {
    try {
      const places = await send(clients, conversationId, texts, requestId);
      heard("ok");
      return { kind: "acknowledged", places };
    } catch (error) {
      const failure = failureOf(error);
      heard(failure.why);
      return failure;
    }
  }

  const newClients = (chance: Random) => clientsOver(chance.pick(WIRES), chance.pick(options.urls), options.headers);

  async function write(clients: Clients, chance: Random): Promise<Outcome> {
    const conversationId = chance.pick(conversationIds);
    const texts = Array.from({ length: chance.chance(0.2) ? chance.between(2, 5) : 1 }, () => `text ${serial++}`);
    const repeated = chance.chance(options.repeated);
    const requestId = repeated ? randomUUID() : "";
    return history.write(conversationId, texts, async () => {
      for (let by = clients; ; by = newClients(chance)) {
        const outcome = await tryOnce(by, conversationId, texts, requestId);
        if ("kind" in outcome) return outcome;
        const { why, definite, passing } = outcome;
        if (!repeated || !passing) return { kind: definite ? "failed" : "unknown", why };
        state.repeats++;
        await delay(PAUSE_MS);
      }
    });
  }

  async function writer(chance: Random): Promise<void> {
    while (!stopping.signal.aborted) {
      // A new client now and then, on another wire and a new connection.
      const clients = newClients(chance);
      for (let i = 0; i < 20 && !stopping.signal.aborted; i++) {
        const outcome = await write(clients, chance);
        if (outcome.kind === "acknowledged") state.acknowledged += outcome.places.length;
        else await delay(PAUSE_MS);
        if (options.pauseMs) await delay(options.pauseMs);
      }
    }
  }

  async function reader(chance: Random): Promise<void> {
    const cursors = new Map<string, bigint>();
    const clients = newClients(chance);
    while (!stopping.signal.aborted) {
      const conversationId = chance.pick(conversationIds);
      const afterSeq = cursors.get(conversationId) ?? 0n;
      const shown = await history
        .read(conversationId, afterSeq, async () => {
          const page = await clients.messages.listMessages(
            { conversationId, afterSeq, pageSize: 100 },
            { timeoutMs: PATIENCE_MS },
          );
          return page.messages.map(({ seq, content }) => ({ seq, text: content }));
        })
        .catch(() => []);
      cursors.set(conversationId, shown.at(-1)?.seq ?? afterSeq);
      await delay(PAUSE_MS);
    }
  }

  const working = [
    ...Array.from({ length: options.writers }, () => writer(random.fork())),
    ...Array.from({ length: options.readers ?? 2 }, () => reader(random.fork())),
  ];
  return {
    answers,
    get acknowledged() {
      return state.acknowledged;
    },
    get repeats() {
      return state.repeats;
    },
    async stop() {
      stopping.abort();
      await Promise.all(working);
    },
  };
}

/** One text goes by SendMessage, several by BatchSendMessages. */
export async function send(
  { messages }: Clients,
  conversationId: string,
  texts: readonly string[],
  requestId: string,
): Promise<Place[]> {
  const options = { timeoutMs: PATIENCE_MS };
  if (texts.length === 1) {
    const answer = await messages.sendMessage(
      { conversationId, message: { content: texts[0] ?? "" }, requestId },
      options,
    );
    return [{ seq: answer.message?.seq ?? 0n, id: answer.message?.id ?? "" }];
  }
  const answer = await messages.batchSendMessages(
    { conversationId, messages: texts.map((content) => ({ content })), requestId },
    options,
  );
  return answer.messages.map(({ seq, id }) => ({ seq, id }));
}

/** Makes empty conversations to write to. */
export async function createConversations(
  url: string,
  headers: Readonly<Record<string, string>>,
  count: number,
): Promise<string[]> {
  const { conversations } = patientClients(url, headers);
  const ids: string[] = [];
  // One by one: a store with little room must not be overrun before it is meant to be.
  for (let i = 0; i < count; i++) ids.push((await conversations.createConversation({})).conversation?.id ?? "");
  return ids;
}

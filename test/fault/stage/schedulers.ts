// Callers that schedule messages for the next moments, and repeat each until they are told that it is scheduled.
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Tables } from "./database.ts";
import { failureOf } from "./outcome.ts";
import type { Random } from "./random.ts";
import { clientsOver, WIRES } from "./wires.ts";

const CALLERS = 2;
/** How far ahead, in milliseconds: some are due while a server is away. */
const AHEAD = [200, 2_500] as const;

export function startSchedulers(
  url: string,
  headers: Readonly<Record<string, string>>,
  conversationId: string,
  random: Random,
) {
  /** Ids by text. */
  const told = new Map<string, string>();
  /** Nobody was told whether these wait. */
  const open = new Set<string>();
  const stopping = new AbortController();
  let repeats = 0;

  async function scheduleOne(content: string): Promise<void> {
    const requestId = randomUUID();
    const sendTime = timestampFromMs(Date.now() + random.between(...AHEAD));
    const asked = { conversationId, scheduledMessage: { message: { content }, sendTime }, requestId };
    open.add(content);
    for (;;) {
      try {
        const { drafts } = clientsOver(random.pick(WIRES), url, headers);
        const { scheduledMessage } = await drafts.scheduleMessage(asked, { timeoutMs: 20_000 });
        told.set(content, scheduledMessage?.id ?? "");
        open.delete(content);
        return;
      } catch (error) {
        const { passing, why } = failureOf(error);
        // Its time came before anybody had taken it.
        if (why === "INVALID_FIELD") return void open.delete(content);
        if (!passing) throw error;
        repeats++;
        await delay(25);
      }
    }
  }

  const working = Array.from({ length: CALLERS }, async (_, caller) => {
    for (let i = 0; !stopping.signal.aborted; i++) {
      await scheduleOne(`${caller} ${i}`);
      await delay(random.between(0, 20));
    }
  });
  return {
    get made() {
      return told.size;
    },
    get repeats() {
      return repeats;
    },
    async stop() {
      stopping.abort();
      await Promise.all(working);
    },
    /** Each was sent once, under the id that was told. Waits for those that are still to come. */
    async check({ sql }: Pick<Tables, "sql">): Promise<string[]> {
      const waiting = async () => {
        const found = await sql("select state from scheduled_message where conversation_id = $1", [conversationId]);
        return found.map(({ state }) => Number(state));
      };
      for (let left = await waiting(); left.length > 0; left = await waiting()) {
        if (left.every((state) => state !== 1)) return [`${left.length} scheduled messages have failed`];
        await delay(50);
      }
      const rows = await sql("select id, content from message where conversation_id = $1", [conversationId]);
      const ids = Map.groupBy(rows, ({ content }) => String(content));
      const wrong = [...told].filter(([content, id]) => {
        const found = ids.get(content) ?? [];
        return found.length !== 1 || found[0]?.id !== id;
      });
      const strangers = [...ids.keys()].filter((content) => !told.has(content) && !open.has(content));
      return [
        ...wrong.map(
          ([content, id]) => `${content}, scheduled as ${id}, is there ${ids.get(content)?.length ?? 0} times`,
        ),
        ...strangers.map((content) => `${content} was scheduled by nobody`),
      ];
    },
  };
}

// R9: pages neither skip nor repeat, whatever others write meanwhile.
import { ConversationOrder } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageOrder } from "../../../gen/colloquy/v1/message_service_pb.ts";
import type { Tables } from "../stage/database.ts";
import type { Random } from "../stage/random.ts";
import { type Clients, clientsOver, WIRES } from "../stage/wires.ts";
import type { Verdict } from "./scenario.ts";

export interface PagingSize {
  readonly scans: number;
}

interface Page {
  readonly keys: readonly string[];
  readonly nextPageToken: string;
}
type Fetch = (pageToken: string, pageSize: number) => Promise<Page>;

/** What stays through a whole scan must be shown exactly once; nothing may be shown twice. */
export async function paging(tables: Tables, url: string, random: Random, { scans }: PagingSize): Promise<Verdict> {
  const { headers } = await tables.tenant();
  const first = clientsOver("gRPC", url, headers);
  const made = await Promise.all(Array.from({ length: 30 }, () => first.conversations.createConversation({})));
  const kept = made.map(({ conversation }) => conversation?.id ?? "");
  const [conversationId = ""] = kept;
  const contents = Array.from({ length: 60 }, (_, i) => ({ content: `kept ${i}` }));
  const { messages } = await first.messages.batchSendMessages({ conversationId, messages: contents });
  const seqs = messages.map(({ seq }) => String(seq));

  const stopping = new AbortController();
  const churning = churn(first, conversationId, random.fork(), stopping.signal);
  const findings: string[] = [];
  let pages = 0;
  const scan = async (chance: Random) => {
    const clients = clientsOver(chance.pick(WIRES), url, headers);
    const [name, fetch, lasting] = chance.pick([
      ["messages, oldest first", messagePages(clients, conversationId, MessageOrder.OLDEST_FIRST), seqs],
      ["messages, newest first", messagePages(clients, conversationId, MessageOrder.NEWEST_FIRST), seqs],
      ["the log", logPages(clients, conversationId), seqs],
      ["conversations, oldest first", conversationPages(clients, ConversationOrder.OLDEST_FIRST), kept],
      ["conversations, newest first", conversationPages(clients, ConversationOrder.NEWEST_FIRST), kept],
    ] as const satisfies readonly (readonly [string, Fetch, readonly string[]])[]);
    const shown: string[] = [];
    for (let pageToken = ""; ; ) {
      const page = await fetch(pageToken, chance.between(1, 25));
      pages++;
      shown.push(...page.keys);
      pageToken = page.nextPageToken;
      if (pageToken === "") break;
    }
    const seen = new Set(shown);
    const skipped = lasting.filter((key) => !seen.has(key));
    if (skipped.length > 0) findings.push(`a scan of ${name} skipped ${skipped.slice(0, 3).join(", ")}`);
    if (seen.size < shown.length) findings.push(`a scan of ${name} repeated ${shown.length - seen.size} entries`);
  };
  const scanners = Array.from({ length: 4 }, async (_, i) => {
    const chance = random.fork();
    for (let n = i; n < scans; n += 4) await scan(chance);
  });
  await Promise.all(scanners);
  stopping.abort();
  const changes = await churning;
  return { figures: { scans, pages, "changes meanwhile": changes }, findings };
}

/** Adds, deletes and restores what no scan counts on. */
async function churn(clients: Clients, conversationId: string, random: Random, stop: AbortSignal): Promise<number> {
  const messageIds: string[] = [];
  const conversationIds: string[] = [];
  let changes = 0;
  for (; !stop.aborted; changes++) {
    if (random.chance(0.5)) {
      const { message } = await clients.messages.sendMessage({ conversationId, message: { content: "passing" } });
      messageIds.push(message?.id ?? "");
    } else if (messageIds.length > 20) {
      await clients.messages.deleteMessage({
        messageId: messageIds.splice(random.below(messageIds.length), 1)[0] ?? "",
      });
    }
    if (random.chance(0.3)) {
      const { conversation } = await clients.conversations.createConversation({});
      conversationIds.push(conversation?.id ?? "");
    } else if (conversationIds.length > 10) {
      const [gone = ""] = conversationIds.splice(random.below(conversationIds.length), 1);
      await clients.conversations.deleteConversation({ conversationId: gone });
    }
  }
  return changes;
}

function messagePages({ messages }: Clients, conversationId: string, order: MessageOrder): Fetch {
  return async (pageToken, pageSize) => {
    const page = await messages.listMessages({ conversationId, order, pageToken, pageSize });
    return { keys: page.messages.map(({ seq }) => String(seq)), nextPageToken: page.nextPageToken };
  };
}

function logPages({ events }: Clients, conversationId: string): Fetch {
  return async (pageToken, pageSize) => {
    const page = await events.listEvents({ conversationId, pageToken, pageSize });
    return { keys: page.events.map(({ seq }) => String(seq)), nextPageToken: page.nextPageToken };
  };
}

function conversationPages({ conversations }: Clients, order: ConversationOrder): Fetch {
  return async (pageToken, pageSize) => {
    const page = await conversations.listConversations({ order, pageToken, pageSize });
    return { keys: page.conversations.map(({ id }) => id), nextPageToken: page.nextPageToken };
  };
}

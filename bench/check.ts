// A peer that answered something else would be no peer: their answers are compared before they are measured.
import { toJson } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ConversationSchema } from "../gen/colloquy/v1/conversation_pb.ts";
import { ConversationService } from "../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageSchema } from "../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../gen/colloquy/v1/message_service_pb.ts";
import { MESSAGES_EACH } from "./layout.ts";

export interface Way {
  readonly name: string;
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The same for peers that speak gRPC. */
export async function checkGrpcAlike(ways: readonly Omit<Way, "path">[], conversationId: string): Promise<void> {
  const answers = new Map<string, string>();
  for (const { name, port, headers } of ways) {
    const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` });
    const { messages } = await createClient(MessageService, transport).listMessages(
      { conversationId, pageSize: MESSAGES_EACH },
      { headers },
    );
    const { conversation } = await createClient(ConversationService, transport).getConversation(
      { conversationId },
      { headers },
    );
    const list = normal("list", { messages: messages.map((message) => toJson(MessageSchema, message)) });
    const get = conversation && normal("get", { conversation: toJson(ConversationSchema, conversation) });
    answers.set(name, JSON.stringify([list, get]));
  }
  requireAlike(answers);
}

type Json = Readonly<Record<string, unknown>>;

/** What each must say alike, whatever else it says and however it spells names. */
const COMPARED = {
  list: ["id", "seq", "sender", "content", "createTime"],
  get: ["id", "title", "creator", "lastSeq", "messageCount", "createTime"],
};

/** Throws if two of the ways answer differently. */
export async function checkAlike(work: keyof typeof COMPARED, ways: readonly Way[], body: string): Promise<void> {
  const answers = new Map<string, string>();
  for (const { name, port, path, headers } of ways) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
    });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${name} answers ${response.status}: ${text.slice(0, 300)}`);
    answers.set(name, JSON.stringify(normal(work, JSON.parse(text) as Json)));
  }
  requireAlike(answers);
}

function requireAlike(answers: ReadonlyMap<string, string>): void {
  const [first, ...rest] = [...answers];
  for (const [name, answer] of rest) {
    if (answer === first?.[1]) continue;
    throw new Error(
      `${name} and ${first?.[0]} answer differently:\n${answer.slice(0, 600)}\n${first?.[1].slice(0, 600)}`,
    );
  }
}

function normal(work: keyof typeof COMPARED, answer: Json): unknown {
  const items = work === "list" ? (answer.messages as Json[]) : [answer.conversation as Json];
  return items.map((item) => COMPARED[work].map((name) => textOf(item, name)));
}

function textOf(item: Json, name: string): string {
  const value = item[name] ?? item[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];
  if (name.endsWith("Time")) return new Date(value as string).toISOString();
  // Actors, which the peers without the contract leave as they are stored.
  return typeof value === "object" && value !== null && "id" in value ? String(value.id) : String(value);
}

// Gives commands to the real store, over any wire, and tells its answers in the model's words.
import { randomUUID } from "node:crypto";
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import { failureOf } from "../stage/outcome.ts";
import { type Clients, clientsOver, WIRES, type WireForm } from "../stage/wires.ts";
import { type Answer, type Command, tellMessage } from "./model.ts";

export interface GivenCommand {
  readonly command: Command;
  readonly wire: WireForm;
  /** Asks again under the same request id, and takes the second answer. */
  readonly twice: boolean;
}

export interface RealStore {
  give(command: GivenCommand): Promise<Answer>;
}

/** Makes empty conversations to work on. */
export async function createRealStore(
  url: string,
  headers: Readonly<Record<string, string>>,
  conversations: number,
): Promise<RealStore> {
  const clients = new Map(WIRES.map((wire) => [wire, clientsOver(wire, url, headers)]));
  const over = (wire: WireForm): Clients => clients.get(wire) as Clients;
  const made = Array.from({ length: conversations }, () => over("gRPC").conversations.createConversation({}));
  const ids = (await Promise.all(made)).map(({ conversation }) => conversation?.id ?? "");
  const messageIds = ids.map(() => new Map<number, string>());

  async function ask(by: Clients, command: Command, requestId: string): Promise<Answer> {
    const conversationId = ids[command.conversation] ?? "";
    const messageId = "seq" in command ? (messageIds[command.conversation]?.get(command.seq) ?? "none") : "";
    switch (command.op) {
      case "send": {
        const messages = command.texts.map((content) => ({ content }));
        const [first] = messages;
        const sent =
          first !== undefined && messages.length === 1
            ? [(await by.messages.sendMessage({ conversationId, message: first, requestId })).message]
            : (await by.messages.batchSendMessages({ conversationId, messages, requestId })).messages;
        for (const message of sent) {
          if (message) messageIds[command.conversation]?.set(Number(message.seq), message.id);
        }
        return sent.map((message) => `${message?.seq}`).join();
      }
      case "edit":
        return tell(
          (await by.messages.updateMessage({ messageId, message: { content: command.text }, requestId })).message,
        );
      case "delete":
        return tell((await by.messages.deleteMessage({ messageId, requestId })).message);
      case "restore":
        return tell((await by.messages.restoreMessage({ messageId, requestId })).message);
      case "title": {
        const change = { conversation: { title: command.text }, updateMask: { paths: ["title"] } };
        const { conversation } = await by.conversations.updateConversation({ conversationId, ...change, requestId });
        return tellOf(conversation);
      }
      case "delete all":
        return `${(await by.messages.deleteAllMessages({ conversationId, requestId })).deletedCount}`;
      case "restore all":
        return `${(await by.messages.restoreAllMessages({ conversationId, requestId })).restoredCount}`;
      case "delete conversation":
        await by.conversations.deleteConversation({ conversationId, requestId });
        return "deleted";
      case "restore conversation":
        return tellOf((await by.conversations.restoreConversation({ conversationId, requestId })).conversation);
      case "list":
        return (await by.messages.listMessages({ conversationId, pageSize: 200 })).messages.map(tell).join();
      case "list deleted": {
        const deleted = DeletedFilter.ONLY;
        return (await by.messages.listMessages({ conversationId, deleted, pageSize: 200 })).messages.map(tell).join();
      }
      case "log": {
        const { events } = await by.events.listEvents({ conversationId, pageSize: 200 });
        return events.map(({ seq, change }) => `${seq} ${change.case}`).join();
      }
      case "get":
        return tellOf((await by.conversations.getConversation({ conversationId })).conversation);
    }
  }

  return {
    async give({ command, wire, twice }) {
      const requestId = randomUUID();
      try {
        const answer = await ask(over(wire), command, requestId);
        return twice ? await ask(over(wire), command, requestId) : answer;
      } catch (error) {
        return failureOf(error).why;
      }
    },
  };
}

function tell(message: Message | undefined): Answer {
  return message === undefined ? "no message" : tellMessage(Number(message.seq), message);
}

function tellOf(conversation: Conversation | undefined): Answer {
  if (conversation === undefined) return "no conversation";
  const { title, messageCount, lastSeq } = conversation;
  return `${JSON.stringify(title)}, ${messageCount} messages, at ${lastSeq}`;
}

// Gives commands to the real store, over any wire, and tells its answers in the model's words.
import { randomUUID } from "node:crypto";
import { fromJson, toJson } from "@bufbuild/protobuf";
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";
import { type Message, MessageKind, MessageRole } from "../../../gen/colloquy/v1/message_pb.ts";
import { PartSchema } from "../../../gen/colloquy/v1/part_pb.ts";
import { TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { newId } from "../../../src/domain/ids/id.ts";
import { ALL_KINDS } from "../../support/random/random-parts.ts";
import { failureOf } from "../stage/outcome.ts";
import { type Clients, clientsOver, patientClients, type WireForm } from "../stage/wires.ts";
import type { Who } from "./chat.ts";
import { askChat } from "./chat-store.ts";
import { type Part, tellMessage } from "./conversation.ts";
import type { Answer, Command } from "./model.ts";

/** Asked again, it would be another command. */
const ONCE: ReadonlySet<Command["op"]> = new Set(["turn", "cancel"]);

export interface GivenCommand {
  readonly command: Command;
  readonly wire: WireForm;
  /** Asks again under the same request id, and takes the second answer. */
  readonly twice: boolean;
  /** Which of several servers is asked, and which the second time. Default: the first. */
  readonly servers?: readonly [number, number];
}

export interface RealStore {
  give(command: GivenCommand): Promise<Answer>;
}

/** Makes empty conversations to work on, with an agent that calls a tool; forks go to the places after them. */
export async function createRealStore(
  urls: readonly string[],
  headers: Readonly<Record<string, string>>,
  conversations: number,
  agentUrl = "",
): Promise<RealStore> {
  const [url = ""] = urls;
  const clients = new Map<string, Clients>();
  const over = (wire: WireForm, server = 0, who: Who = ""): Clients => {
    const name = `${wire} ${server} ${who}`;
    const acting = who === "" ? headers : { ...headers, "x-act-for": who };
    const known = clients.get(name) ?? clientsOver(wire, urls[server % urls.length] ?? "", acting);
    clients.set(name, known);
    return known;
  };
  await Promise.all(["ann", "bob"].map((memberId) => over("gRPC").directory.upsertMember({ memberId })));
  const agent = "caller";
  const connector = { case: "connect", value: { baseUrl: agentUrl } } as const;
  if (agentUrl !== "") await patientClients(url, headers).agents.createAgent({ agent: { name: agent, connector } });
  const conversation = agentUrl === "" ? {} : { agent };
  const made = Array.from({ length: conversations }, () =>
    over("gRPC").conversations.createConversation({ conversation }),
  );
  const ids = (await Promise.all(made)).map((one) => one.conversation?.id ?? "");
  const messageIds = new Map<number, Map<number, string>>();
  const scheduled = new Map<number, Map<string, Set<string>>>();
  const idsOf = (place: number) => messageIds.get(place) ?? new Map<number, string>();

  function note(place: number, messages: readonly (Message | undefined)[]): void {
    const known = idsOf(place);
    messageIds.set(place, known);
    for (const message of messages) if (message) known.set(Number(message.seq), message.id);
  }

  async function ask(as: (who: Who) => Clients, command: Command, requestId: string): Promise<Answer> {
    const by = as("");
    const conversationId = ids[command.conversation] ?? newId();
    const messageId = "seq" in command ? (idsOf(command.conversation).get(command.seq) ?? newId()) : "";
    const send = async (message: object) => {
      const sent = await by.messages.sendMessage({ conversationId, message, requestId });
      note(command.conversation, [sent.message]);
      return `${sent.message?.seq}`;
    };
    switch (command.op) {
      case "send": {
        const messages = command.texts.map((content) => ({ content }));
        if (messages.length === 1) return send(messages[0] as object);
        const sent = await by.messages.batchSendMessages({ conversationId, messages, requestId });
        note(command.conversation, sent.messages);
        return sent.messages.map(({ seq }) => `${seq}`).join();
      }
      case "send parts": {
        const parts = command.parts.map((part) => fromJson(PartSchema, part as never));
        return send({ parts, ...(command.call && { kind: MessageKind.TOOL_CALL, role: MessageRole.ASSISTANT }) });
      }
      case "branch":
        return send({ content: command.text, parentId: command.seq === 0 ? conversationId : messageId });
      case "select":
        return `live at ${(await by.messages.selectBranch({ conversationId, messageId, requestId })).branch?.messageSeq}`;
      case "fork": {
        if (!idsOf(command.conversation).has(command.seq)) return "no entry to fork at";
        const seq = BigInt(command.seq);
        const fork = (await by.conversations.forkConversation({ conversationId, seq, requestId })).conversation;
        ids[command.as] = fork?.id ?? "";
        messageIds.delete(command.as);
        return tellOf(fork);
      }
      case "turn":
        return await turn(as, conversationId, command);
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
        return tellOf(
          (await by.conversations.updateConversation({ conversationId, ...change, requestId })).conversation,
        );
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
        return list(by, { conversationId });
      case "list kinds":
        return list(by, { conversationId, kinds: ALL_KINDS });
      case "list deleted":
        return list(by, { conversationId, deleted: DeletedFilter.ONLY });
      case "log": {
        const { events } = await by.events.listEvents({ conversationId, pageSize: 200 });
        return events.map(({ seq, change }) => `${seq} ${change.case}`).join();
      }
      case "get":
        return tellOf((await by.conversations.getConversation({ conversationId })).conversation);
      default: {
        const names = scheduled.get(command.conversation) ?? new Map<string, Set<string>>();
        scheduled.set(command.conversation, names);
        const told = await askChat(as, command, { conversationId, messageId, requestId, scheduled: names });
        // Its id, for commands that name it.
        if (command.op === "reply") {
          const { messages } = await by.messages.listMessages({
            conversationId,
            afterSeq: BigInt(told) - 1n,
            pageSize: 1,
          });
          note(command.conversation, messages);
        }
        return told;
      }
    }
  }

  /** Begins a turn, does what is to be done while it waits, and ends it. */
  async function turn(
    as: (who: Who) => Clients,
    conversationId: string,
    command: Extract<Command, { op: "turn" }>,
  ): Promise<Answer> {
    const by = as("");
    const tools = [{ name: "ask", runs: { case: "client", value: {} } }] as const;
    const told: Answer[] = [];
    let turnId = "";
    for await (const { event } of by.turns.chat({ conversationId, message: { content: "act" }, tools: [...tools] })) {
      if (event.case === "started") {
        turnId = event.value.turn?.id ?? "";
        told.push(`${event.value.message?.seq} waits`);
      }
      if (event.case === "inputRequired") {
        const { messages } = await by.messages.listMessages({ conversationId, kinds: ALL_KINDS, pageSize: 200 });
        note(command.conversation, messages);
        for (const each of command.meanwhile) told.push(await answer([as, as], each));
        const results = [{ callId: "c", output: { case: "text", value: "an answer" } as const }];
        if (command.end === "answer") await by.turns.answerTurn({ turnId, results });
        else await by.turns.cancelTurn({ turnId });
      }
      if (event.case === "ended") told.push(event.value.turn?.state === TurnState.COMPLETE ? "COMPLETE" : "CANCELLED");
    }
    const { messages } = await by.messages.listMessages({ conversationId, kinds: ALL_KINDS, pageSize: 200 });
    note(command.conversation, messages);
    return told.join("; ");
  }

  async function answer(
    [first, second]: readonly [(who: Who) => Clients, (who: Who) => Clients],
    command: Command,
    twice = false,
  ): Promise<Answer> {
    const requestId = randomUUID();
    try {
      const told = await ask(first, command, requestId);
      return twice && !ONCE.has(command.op) ? await ask(second, command, requestId) : told;
    } catch (error) {
      return failureOf(error).why;
    }
  }

  return {
    give({ command, wire, twice, servers = [0, 0] }) {
      const [first, second] = servers.map((server) => (who: Who) => over(wire, server, who));
      return answer([first ?? over.bind(undefined, wire, 0), second ?? over.bind(undefined, wire, 0)], command, twice);
    },
  };
}

async function list(by: Clients, asked: object): Promise<Answer> {
  return (await by.messages.listMessages({ ...asked, pageSize: 200 })).messages.map(tell).join();
}

function tell(message: Message | undefined): Answer {
  if (message === undefined) return "no message";
  const { seq, content, revision, parts } = message;
  const known = parts.map((part) => toJson(PartSchema, part) as unknown as Part);
  return tellMessage(Number(seq), { content, revision, parts: known });
}

function tellOf(conversation: Conversation | undefined): Answer {
  if (conversation === undefined) return "no conversation";
  const { title, messageCount, lastSeq } = conversation;
  return `${JSON.stringify(title)}, ${messageCount} messages, at ${lastSeq}`;
}

// The store in memory, as docs/api-behaviour.md, messages.md, branches.md and chat.md have it: what each command
// answers, and what stands there afterwards.
import { applyChat, type ChatCommand } from "./chat.ts";
import {
  append,
  type Fork,
  inherit,
  type ModelConversation,
  type ModelMessage,
  messagesOf,
  newConversation,
  type Part,
  pathOf,
  tellConversation,
  tellMessage,
  tellMessages,
  under,
  withText,
} from "./conversation.ts";

/** What may happen while a turn waits for its caller. */
export type Meanwhile = Exclude<
  Command,
  { readonly op: "turn" | "fork" | "delete" | "delete all" | "delete conversation" }
>;

type Plain =
  | "delete all"
  | "restore all"
  | "delete conversation"
  | "restore conversation"
  | "list"
  | "list kinds"
  | "list deleted"
  | "log"
  | "get";

/** What a caller may do. Conversations and messages are named by their place; an id is nobody's business here. */
export type Command =
  | { readonly op: "send"; readonly conversation: number; readonly texts: readonly string[] }
  | {
      readonly op: "send parts";
      readonly conversation: number;
      readonly parts: readonly Part[];
      readonly call: boolean;
    }
  /** As what follows an entry; 0 is the beginning of the conversation. */
  | { readonly op: "branch"; readonly conversation: number; readonly seq: number; readonly text: string }
  | { readonly op: "edit"; readonly conversation: number; readonly seq: number; readonly text: string }
  | { readonly op: "delete"; readonly conversation: number; readonly seq: number }
  | { readonly op: "restore"; readonly conversation: number; readonly seq: number }
  | { readonly op: "select"; readonly conversation: number; readonly seq: number }
  /** Puts a fork into another place. */
  | { readonly op: "fork"; readonly conversation: number; readonly seq: number; readonly as: number }
  /** A turn that calls a tool of its caller's, and waits. */
  | {
      readonly op: "turn";
      readonly conversation: number;
      readonly meanwhile: readonly Meanwhile[];
      readonly end: "answer" | "cancel";
    }
  | ChatCommand
  | { readonly op: "title"; readonly conversation: number; readonly text: string }
  | { [Op in Plain]: { readonly op: Op; readonly conversation: number } }[Plain];

/** An answer in words, so that two can be compared and a difference read. */
export type Answer = string;

export class Model {
  readonly #conversations: (ModelConversation | undefined)[];

  constructor(conversations: number | (ModelConversation | undefined)[]) {
    this.#conversations =
      typeof conversations === "number" ? Array.from({ length: conversations }, newConversation) : conversations;
  }

  /** One that goes its own way from here. */
  fork(): Model {
    return new Model(structuredClone(this.#conversations));
  }

  /** All that stands in it: two that tell the same are the same. */
  tell(): string {
    return JSON.stringify(this.#conversations.map((one) => one && { ...one, log: [...one.log] }));
  }

  apply(command: Command): Answer {
    const it = this.#conversations[command.conversation];
    // Only what is known to be a message is asked for.
    if (command.op === "fork" && typeof (it?.log.get(command.seq) ?? "") === "string") return "no entry to fork at";
    if (it === undefined) return "NOT_FOUND";
    if (command.op === "restore conversation") {
      if (!it.deleted) return "NOT_DELETED";
      it.deleted = false;
      append(it, "conversationRestored");
      return tellConversation(it);
    }
    // What is scheduled is its sender's, who may look at it and cancel it.
    if (command.op === "scheduled" || command.op === "cancel") return applyChat(it, command);
    if (it.deleted) return "NOT_FOUND";
    switch (command.op) {
      case "send":
        return command.texts.map((content) => `${append(it, messageOf(it, { content }))}`).join();
      case "send parts": {
        const { parts, call } = command;
        const content = parts.flatMap((part) => ("text" in part ? [part.text.text] : [])).join("\n");
        return `${append(it, messageOf(it, { content, parts, kind: call ? "call" : "" }))}`;
      }
      case "branch":
        return branch(it, command.seq, command.text);
      case "select":
        return select(it, command.seq);
      case "edit":
      case "delete":
      case "restore":
        return changeMessage(it, command);
      case "fork":
        return this.#fork(it, command);
      case "turn":
        return this.#turn(it, command);
      case "title":
        if (it.title !== command.text) append(it, "conversationUpdated");
        it.title = command.text;
        return tellConversation(it);
      case "delete all":
        return markAll(it, true);
      case "restore all":
        return markAll(it, false);
      case "delete conversation":
        it.deleted = true;
        append(it, "conversationDeleted");
        return "deleted";
      case "list":
        return tellMessages(it, ({ kind, deleted }) => kind === "" && !deleted);
      case "list kinds":
        return tellMessages(it, ({ deleted }) => !deleted);
      case "list deleted":
        return tellMessages(it, ({ kind, deleted }) => kind === "" && deleted);
      case "log":
        return [...it.log].map(([seq, entry]) => `${seq} ${typeof entry === "string" ? entry : "messageSent"}`).join();
      case "get":
        return tellConversation(it);
      default:
        return applyChat(it, command);
    }
  }

  #fork(it: ModelConversation, { seq, as }: Extract<Command, { op: "fork" }>): Answer {
    const fork: Fork = { ...newConversation(), title: it.title, base: seq, inherited: inherit(it, seq) };
    this.#conversations[as] = fork;
    return tellConversation(fork);
  }

  #turn(it: ModelConversation, { meanwhile, end }: Extract<Command, { op: "turn" }>): Answer {
    const asked = append(it, messageOf(it, { content: "act" }));
    const call = { toolCall: { callId: "c", name: "ask", arguments: "{}", runsAt: "TOOL_PLACE_CLIENT" } };
    append(it, messageOf(it, { content: "", parts: [call], kind: "call" }));
    it.waits = true;
    const told = meanwhile.map((each) => this.apply(each));
    it.waits = false;
    const text = end === "answer" ? "an answer" : "not answered";
    const result = { toolResult: { callId: "c", text, ...(end === "cancel" && { isError: true }) } };
    append(it, messageOf(it, { content: "", parts: [result], kind: "result" }));
    if (end === "answer") append(it, messageOf(it, { content: "done" }));
    return [`${asked} waits`, ...told, end === "answer" ? "COMPLETE" : "CANCELLED"].join("; ");
  }
}

function messageOf(
  it: ModelConversation,
  fields: Pick<ModelMessage, "content"> & Partial<ModelMessage>,
  parent = it.tip,
): ModelMessage {
  return { parts: [], kind: "", revision: 0, deleted: false, parent, ...fields };
}

function branch(it: ModelConversation, seq: number, text: string): Answer {
  const parent = it.log.get(seq);
  if (seq > 0 && (parent === undefined || typeof parent === "string" || parent.deleted)) return "UNKNOWN_REFERENCE";
  if (it.waits && seq !== it.tip) return "TURN_IN_PROGRESS";
  return `${append(it, messageOf(it, { content: text }, seq))}`;
}

function select(it: ModelConversation, seq: number): Answer {
  const entry = it.log.get(seq);
  if (entry === undefined || typeof entry === "string") return "NOT_FOUND";
  if (!pathOf(it).includes(seq)) {
    if (it.waits) return "TURN_IN_PROGRESS";
    it.tip = under(it, seq);
    append(it, "branchSelected");
  }
  return `live at ${it.tip}`;
}

function changeMessage(
  it: ModelConversation,
  command: Extract<Command, { op: "edit" | "delete" | "restore" }>,
): Answer {
  const message = it.log.get(command.seq);
  if (message === undefined || typeof message === "string") return "NOT_FOUND";
  if (command.op === "restore") {
    if (!message.deleted) return "NOT_DELETED";
    message.deleted = false;
    append(it, "messageRestored");
  } else if (message.deleted) {
    return "NOT_FOUND";
  } else if (command.op === "delete") {
    message.deleted = true;
    append(it, "messageDeleted");
  } else if (message.content !== command.text) {
    message.content = command.text;
    message.parts = withText(message.parts, command.text);
    message.revision++;
    append(it, "messageEdited");
  }
  return tellMessage(command.seq, message);
}

function markAll(it: ModelConversation, deleted: boolean): Answer {
  const changed = messagesOf(it).filter(([, message]) => message.deleted !== deleted);
  for (const [, message] of changed) message.deleted = deleted;
  if (changed.length > 0) append(it, deleted ? "allMessagesDeleted" : "allMessagesRestored");
  return `${changed.length}`;
}

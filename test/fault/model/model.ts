// The store in memory, as docs/api-behaviour.md has it: what each command answers, and what stands there afterwards.

/** What a caller may do. Conversations and messages are named by their place; an id is nobody's business here. */
export type Command =
  | { readonly op: "send"; readonly conversation: number; readonly texts: readonly string[] }
  | { readonly op: "edit"; readonly conversation: number; readonly seq: number; readonly text: string }
  | { readonly op: "delete"; readonly conversation: number; readonly seq: number }
  | { readonly op: "restore"; readonly conversation: number; readonly seq: number }
  | { readonly op: "title"; readonly conversation: number; readonly text: string }
  | {
      readonly op:
        | "delete all"
        | "restore all"
        | "delete conversation"
        | "restore conversation"
        | "list"
        | "list deleted"
        | "log"
        | "get";
      readonly conversation: number;
    };

/** An answer in words, so that two can be compared and a difference read. */
export type Answer = string;

interface ModelMessage {
  content: string;
  revision: number;
  deleted: boolean;
}

interface ModelConversation {
  title: string;
  deleted: boolean;
  /** By the place in the log: a message, or the kind of another entry. */
  readonly log: Map<number, ModelMessage | string>;
}

export class Model {
  readonly #conversations: readonly ModelConversation[];

  constructor(conversations: number | readonly ModelConversation[]) {
    this.#conversations =
      typeof conversations === "number"
        ? Array.from({ length: conversations }, () => ({ title: "", deleted: false, log: new Map() }))
        : conversations;
  }

  /** One that goes its own way from here. */
  fork(): Model {
    return new Model(structuredClone(this.#conversations));
  }

  /** All that stands in it: two that tell the same are the same. */
  tell(): string {
    return JSON.stringify(this.#conversations.map(({ title, deleted, log }) => ({ title, deleted, log: [...log] })));
  }

  apply(command: Command): Answer {
    const it = this.#of(command.conversation);
    if (command.op === "restore conversation") {
      if (!it.deleted) return "NOT_DELETED";
      it.deleted = false;
      append(it, "conversationRestored");
      return tellConversation(it);
    }
    // There the conversation only narrows the list down.
    if (it.deleted) return command.op === "list deleted" ? "" : "NOT_FOUND";
    switch (command.op) {
      case "send":
        return command.texts.map((content) => `${append(it, { content, revision: 0, deleted: false })}`).join();
      case "edit":
      case "delete":
      case "restore":
        return changeMessage(it, command);
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
        return tellMessages(it, false);
      case "list deleted":
        return tellMessages(it, true);
      case "log":
        return [...it.log].map(([seq, entry]) => `${seq} ${typeof entry === "string" ? entry : "messageSent"}`).join();
      case "get":
        return tellConversation(it);
    }
  }

  #of(conversation: number): ModelConversation {
    const found = this.#conversations[conversation];
    if (found === undefined) throw new Error(`there is no conversation ${conversation}`);
    return found;
  }
}

function append({ log }: ModelConversation, entry: ModelMessage | string): number {
  const seq = log.size + 1;
  log.set(seq, entry);
  return seq;
}

function messagesOf({ log }: ModelConversation): (readonly [number, ModelMessage])[] {
  return [...log].filter((pair): pair is [number, ModelMessage] => typeof pair[1] !== "string");
}

function changeMessage(it: ModelConversation, command: Extract<Command, { readonly seq: number }>): Answer {
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

function tellMessages(it: ModelConversation, deleted: boolean): Answer {
  return messagesOf(it)
    .filter(([, message]) => message.deleted === deleted)
    .map(([seq, message]) => tellMessage(seq, message))
    .join();
}

export function tellMessage(seq: number, { content, revision }: Pick<ModelMessage, "content" | "revision">): Answer {
  return `${seq} ${JSON.stringify(content)} r${revision}`;
}

function tellConversation(it: ModelConversation): Answer {
  const shown = messagesOf(it).filter(([, message]) => !message.deleted).length;
  return `${JSON.stringify(it.title)}, ${shown} messages, at ${it.log.size}`;
}

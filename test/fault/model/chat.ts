// What members do in a conversation of the model: they react, reply, read, keep drafts, and have messages sent later.
import { append, type ModelConversation, type ModelMessage, messagesOf, pathOf } from "./conversation.ts";

/** A member, or the API key by itself. */
export type Who = "" | "ann" | "bob";

export type ChatCommand = { readonly conversation: number } & (
  | { readonly op: "join"; readonly who: Exclude<Who, ""> }
  | { readonly op: "react" | "unreact"; readonly who: Who; readonly seq: number; readonly reaction: string }
  | { readonly op: "reply"; readonly seq: number; readonly text: string }
  | { readonly op: "mark"; readonly who: Exclude<Who, "">; readonly seq: number }
  /** What lists say of each message. */
  | { readonly op: "counts" | "view"; readonly who: Who }
  | { readonly op: "marks" | "draft" | "no draft" | "scheduled" }
  | { readonly op: "set draft"; readonly text: string }
  /** By a name, of which several may wait; the last of them is cancelled. */
  | { readonly op: "schedule" | "cancel"; readonly name: string }
);

export function applyChat(it: ModelConversation, command: ChatCommand): string {
  const { chat } = it;
  if ("who" in command && command.who !== "" && command.op !== "join" && !(command.who in chat.members)) {
    return "NOT_FOUND";
  }
  const last = it.base + it.log.size;
  switch (command.op) {
    case "join":
      if (!(command.who in chat.members)) {
        append(it, "participantAdded");
        chat.members[command.who] = 0;
      }
      return "joined";
    case "react":
    case "unreact":
      return react(it, command.who, command);
    case "reply": {
      const parent = messageAt(it, command.seq);
      if (parent === undefined || parent.deleted) return "UNKNOWN_REFERENCE";
      const reply = { content: command.text, parts: [], kind: "", revision: 0, deleted: false } as const;
      return `${append(it, { ...reply, parent: it.tip, replyTo: command.seq })}`;
    }
    case "mark": {
      const to = Math.min(command.seq, last);
      if (to > (chat.members[command.who] ?? 0)) {
        chat.members[command.who] = to;
        append(it, "readMarked");
      }
      return `read to ${chat.members[command.who]}`;
    }
    case "marks":
      return Object.entries(chat.members)
        .filter(([, to]) => to > 0)
        .map(([who, to]) => `${who} ${to}`)
        .sort()
        .join();
    case "view":
      return command.who === "" ? "no view" : `${unreadOf(it, chat.members[command.who] ?? 0)} unread`;
    case "counts":
      return [...it.inherited.filter(({ is, was }) => was.kind === "" && !is.deleted).map(({ seq }) => `${seq} 0`)]
        .concat(shown(it).map(([seq, message]) => `${seq} ${repliesTo(it, seq)}${tellReactions(message, command.who)}`))
        .join();
    case "set draft":
      chat.draft = command.text;
      return `draft ${command.text}`;
    case "draft":
      return chat.draft === undefined ? "NOT_FOUND" : `draft ${chat.draft}`;
    case "no draft":
      chat.draft = undefined;
      return "no draft";
    case "schedule":
      chat.scheduled.push(command.name);
      return `scheduled ${command.name}`;
    case "cancel": {
      const at = chat.scheduled.lastIndexOf(command.name);
      if (at === -1) return "NOT_FOUND";
      chat.scheduled = chat.scheduled.toSpliced(at, 1);
      return "cancelled";
    }
    case "scheduled":
      return chat.scheduled.toSorted().join();
  }
}

function react(
  it: ModelConversation,
  who: Who,
  { op, seq, reaction }: { readonly op: string; readonly seq: number; readonly reaction: string },
): string {
  const message = messageAt(it, seq);
  if (message === undefined || message.deleted) return "NOT_FOUND";
  const kinds = message.reactions ?? [];
  const known = kinds.find(([name]) => name === reaction);
  const has = known?.[1].includes(who) ?? false;
  if (op === "react" && !has) {
    message.reactions = known
      ? kinds.map(([name, by]) => [name, name === reaction ? [...by, who].sort() : by])
      : [...kinds, [reaction, [who]]];
    append(it, "reactionAdded");
  }
  if (op === "unreact" && has) {
    message.reactions = kinds
      .map(([name, by]): [string, string[]] => [name, name === reaction ? by.filter((one) => one !== who) : by])
      .filter(([, by]) => by.length > 0);
    append(it, "reactionRemoved");
  }
  return `${seq}${tellReactions(message, who)}`;
}

function tellReactions({ reactions = [] }: ModelMessage, who: Who): string {
  return tellCounts(reactions.map(([reaction, by]) => ({ reaction, count: by.length, mine: by.includes(who) })));
}

export function tellCounts(
  counts: readonly { readonly reaction: string; readonly count: number; readonly mine: boolean }[],
): string {
  return counts.map(({ reaction, count, mine }) => ` ${reaction}${count}${mine ? "!" : ""}`).join("");
}

function messageAt({ log }: ModelConversation, seq: number): ModelMessage | undefined {
  const entry = log.get(seq);
  return typeof entry === "string" ? undefined : entry;
}

/** The messages of its own log that a list shows. */
function shown(it: ModelConversation): (readonly [number, ModelMessage])[] {
  const path = new Set(pathOf(it));
  return messagesOf(it).filter(([seq, { kind, deleted }]) => path.has(seq) && kind === "" && !deleted);
}

function repliesTo(it: ModelConversation, seq: number): number {
  return messagesOf(it).filter(([, { replyTo, deleted }]) => replyTo === seq && !deleted).length;
}

function unreadOf(it: ModelConversation, mark: number): number {
  return shown(it).filter(([seq]) => seq > mark).length;
}

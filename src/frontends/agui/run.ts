// One run: what is new is stored and answered, then the turn is followed to its end, or to where it waits.
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { type Turn, TurnPolicy, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { type ResumeTurnResponse, TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { keepFiles } from "../../dialects/shared/files/keep.ts";
import { ShownFiles } from "../../dialects/shared/files/show.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { turnInProgress } from "../../domain/turns/in-progress.ts";
import { isOpen } from "../../domain/turns/turn.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import { withAgent } from "../shared/agents.ts";
import { makeConversation } from "../shared/conversations.ts";
import { latestEntries, shownEntriesOfTurn } from "../shared/history.ts";
import { type Answers, idsOfResults, readAnswers } from "./answers.ts";
import { inPosted, toTools } from "./chat-request.ts";
import type { RunInput } from "./input.ts";
import { type NewMessage, newMessages } from "./new-messages.ts";
import type { AguiEvent } from "./protocol.ts";
import { Thread, toolCallIdOf } from "./thread.ts";

/** The most of a thread that is sent, in bytes of JSON: clients take events of 10 MiB at most. */
const MAX_THREAD_BYTES = 8 << 20;

/** In base64 they are as many as those. */
const MAX_FILE_BYTES = (3 * MAX_THREAD_BYTES) / 4;

/** The latest turns, of which the first few may be open. */
const TURNS = 25;

export interface RunParts {
  readonly canonical: Canonical;
  readonly context: CallContext;
  readonly input: RunInput;
  readonly ifRunning: TurnPolicy;
  /** Whether the server's ports speak TLS. */
  readonly tls: boolean;
}

/** What a run does once it is clear what it is. */
export type Plan =
  /** A turn is followed: one that the run began, from its beginning, or one that it answered, from there on. */
  | {
      readonly kind: "turn";
      readonly turnId: string;
      readonly events: AsyncIterable<Pick<ResumeTurnResponse, "event">>;
      readonly known: ReadonlySet<string>;
      readonly answered: ReadonlySet<string>;
      /** Tells of the state before; undefined: there was none, or the client has brought its own. */
      readonly state?: AguiEvent | undefined;
    }
  /** Nothing is new: the thread is sent, and its open turns are followed, oldest first. */
  | { readonly kind: "thread"; readonly open: readonly Turn[]; readonly last: Turn | undefined };

export class Run {
  readonly #parts: RunParts;
  #conversation: Conversation | undefined;
  readonly #agent: string;

  constructor(parts: RunParts, conversation: Conversation | undefined, agent: string) {
    this.#parts = parts;
    this.#conversation = conversation;
    this.#agent = agent;
  }

  /** Whether there is a conversation to tell of. */
  get exists(): boolean {
    return this.#conversation !== undefined;
  }

  /** Stores what is new. Throws what becomes an HTTP error, with nothing stored. */
  async begin(): Promise<Plan> {
    const { canonical, context, input } = this.#parts;
    const conversationId = this.#conversation?.id ?? "";
    const [fresh, turns, state] = await Promise.all([
      newMessages(canonical, context, conversationId, input.messages),
      this.#turns(),
      // Read before the turn changes it. A client that brings its own has no use for it.
      input.stateJson === undefined ? this.state() : undefined,
    ]);
    const waiting = turns.find(({ state }) => state === TurnState.INPUT_REQUIRED);
    const answers = await readAnswers(input, waiting, async () => (await this.thread()).answers);
    const known = waiting && (await this.#answer(waiting, answers));
    if (fresh.length > 0) {
      const chat = this.#chat(fresh, turns.filter(isOpenTurn), waiting !== undefined);
      const begun = await chat.catch((error: unknown) => this.#begunMeanwhile(error));
      if (begun !== undefined) return { ...begun, state };
    }
    if (known === undefined || waiting === undefined) {
      // Read again, for the same run, sent twice at once, may have begun or answered meanwhile.
      const now = fresh.length === 0 && waiting === undefined ? turns : await this.#turns();
      return { kind: "thread", open: now.filter(isOpenTurn).reverse(), last: now[0] };
    }
    const answered = new Set(answers.results.map(({ callId = "" }) => callId));
    return { kind: "turn", turnId: waiting.id, events: this.follow(waiting.id), known, answered, state };
  }

  /** Throws the error again unless the same run, sent twice at once, is what is in progress. */
  async #begunMeanwhile(error: unknown): Promise<undefined> {
    if (!(error instanceof DomainError && error.reason === ErrorReason.TURN_IN_PROGRESS)) throw error;
    const { canonical, context, input } = this.#parts;
    const fresh = await newMessages(canonical, context, this.#conversation?.id ?? "", input.messages);
    if (fresh.length > 0) throw error;
  }

  /**
   * The thread as it is stored; where an entry is given, up to it, as it stands there, and without what its turn adds.
   */
  async thread(last?: Message): Promise<Thread> {
    const { canonical, context, input } = this.#parts;
    const thread = new Thread(idsOfResults(input));
    const conversationId = this.#conversation?.id;
    if (conversationId === undefined) return thread;
    let found: Message | undefined;
    const files = this.files();
    const show = (entry: Message) => files.message(entry);
    for (const entry of await latestEntries(canonical, context, conversationId, MAX_THREAD_BYTES, show)) {
      if (found?.turnId === entry.turnId) continue;
      if (entry.id === last?.id) found = entry;
      if (entry.id === last?.id) thread.add(last, true);
      else thread.add(entry);
    }
    if (last !== undefined && found === undefined) thread.add(last, true);
    return thread;
  }

  /** Shows the files of one response. */
  files(): ShownFiles {
    const { canonical, context, tls } = this.#parts;
    return new ShownFiles({ canonical, context, tls, keepsIds: true, maxBytes: MAX_FILE_BYTES });
  }

  /** The state of the thread, as it is stored now. Undefined: it has none. */
  async state(): Promise<AguiEvent | undefined> {
    const { canonical, context } = this.#parts;
    const conversationId = this.#conversation?.id;
    if (conversationId === undefined) return undefined;
    const { getConversation } = ConversationService.method;
    const { conversation } = await canonical.call(context, getConversation, { conversationId });
    const text = conversation?.stateJson ?? "";
    return text === "" ? undefined : { type: "STATE_SNAPSHOT", snapshot: JSON.parse(text) };
  }

  follow(turnId: string): AsyncIterable<Pick<ResumeTurnResponse, "event">> {
    const { canonical, context } = this.#parts;
    return canonical.stream(context, TurnService.method.resumeTurn, { turnId, streamEntries: true });
  }

  async #turns(): Promise<readonly Turn[]> {
    const { canonical, context } = this.#parts;
    if (this.#conversation === undefined) return [];
    const request = { conversationId: this.#conversation.id, pageSize: TURNS };
    return (await canonical.call(context, TurnService.method.listTurns, request)).turns;
  }

  /** The entries of the turn before it was answered, which the client has; undefined: there was nothing to answer. */
  async #answer(turn: Turn, { results, approvals }: Answers): Promise<ReadonlySet<string> | undefined> {
    const { canonical, context } = this.#parts;
    if (results.length + approvals.length === 0) return undefined;
    const entries = await shownEntriesOfTurn(canonical, context, turn.id);
    const { stateJson } = this.#parts.input;
    const state = stateJson === undefined ? {} : { stateJson };
    const request = { turnId: turn.id, results: [...results], approvals: [...approvals], ...state };
    try {
      await inPosted(canonical.call(context, TurnService.method.answerTurn, request), () => 0);
    } catch (error) {
      // The same run, sent twice at once: the other one was first.
      const late = error instanceof DomainError && error.reason === ErrorReason.NOT_AWAITED;
      if (!late || !isAnswered(await this.thread(), turn, { results, approvals })) throw error;
      return undefined;
    }
    return new Set(entries.map(({ id }) => id));
  }

  async #chat(fresh: readonly NewMessage[], open: readonly Turn[], waits: boolean) {
    const { canonical, context, input } = this.#parts;
    // A new message ends a turn that waits.
    const ifRunning = waits ? TurnPolicy.INTERRUPT : this.#parts.ifRunning;
    const first = open.at(-1);
    if (first !== undefined && ifRunning === TurnPolicy.REJECT) throw turnInProgress(first);
    // What there is no room for leaves nothing behind.
    const kept: NewMessage["message"][] = [];
    for (const { message } of fresh) kept.push(await keepFiles(canonical, context, input.threadId, message));
    const agent = this.#agent;
    const conversation = this.#conversation ?? (await makeConversation(canonical, context, input.threadId, agent));
    this.#conversation = await withAgent(canonical, context, conversation, agent);
    const conversationId = conversation.id;
    const asks = fresh.at(-1) as NewMessage;
    const before = fresh.slice(0, -1);
    if (before.length > 0) {
      const request = { conversationId, messages: kept.slice(0, -1) };
      const sending = canonical.call(context, MessageService.method.batchSendMessages, request);
      await inPosted(sending, (at) => before[at]?.at ?? 0);
    }
    const request = {
      conversationId,
      message: kept.at(-1) ?? asks.message,
      ifRunning,
      tools: toTools(input.tools),
      streamEntries: true,
      ...(input.context.length > 0 && { options: { context: [...input.context] } }),
      ...(input.stateJson !== undefined && { stateJson: input.stateJson }),
    };
    const events = canonical.stream(context, TurnService.method.chat, request)[Symbol.asyncIterator]();
    // What it refuses is told before anything else is.
    const { value } = await inPosted(events.next(), () => asks.at);
    const turnId = value?.event.case === "started" ? (value.event.value.turn?.id ?? "") : "";
    const rest = { [Symbol.asyncIterator]: () => events } as AsyncIterable<Pick<ResumeTurnResponse, "event">>;
    return { kind: "turn" as const, turnId, events: rest, known: new Set<string>(), answered: new Set<string>() };
  }
}

function isOpenTurn({ state }: Turn): boolean {
  return isOpen(state);
}

function isAnswered({ messages, answers }: Thread, { awaited }: Turn, { results, approvals }: Answers): boolean {
  const ids = new Map(awaited.map(({ callId, messageId }) => [callId, toolCallIdOf(callId, messageId)]));
  const given = new Set(messages.flatMap((one) => (one.role === "tool" ? [one.toolCallId] : [])));
  return (
    results.every(({ callId = "" }) => given.has(ids.get(callId) ?? callId)) &&
    approvals.every(({ approvalId = "", granted }) => answers.get(approvalId) === granted)
  );
}

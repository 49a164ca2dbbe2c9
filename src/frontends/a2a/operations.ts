// A2A's methods, whatever the binding: a message begins a turn or answers one; a task is a turn.
import { create } from "@bufbuild/protobuf";
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import type { Part } from "../../../gen/colloquy/v1/part_pb.ts";
import type { Turn } from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import {
  type CancelTaskRequest,
  type GetTaskRequest,
  type SendMessageRequest,
  type StreamResponse,
  StreamResponseSchema,
  type SubscribeToTaskRequest,
  type Task,
  TaskState,
  TaskStateSchema,
} from "../../../gen/lf/a2a/v1/a2a_pb.ts";
import { ShownFiles } from "../../dialects/shared/files/show.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import { findConversation } from "../shared/conversations.ts";
import { shownEntriesOfTurn } from "../shared/history.ts";
import { begin } from "./begin.ts";
import { notCancelable, taskNotFound, unsupported } from "./errors.ts";
import { LOG_PART } from "./parts.ts";
import { isOver, type TurnEvents, updatesOf } from "./reply-stream.ts";
import { checkHistoryLength, contextIdOf, taskState, toStatus, toTask } from "./tasks.ts";

interface Shown {
  readonly contextId: string;
  /** Default: all. */
  readonly historyLength?: number | undefined;
  /** Default: true. */
  readonly withArtifacts?: boolean;
  /** Whether the artifact has entries of all kinds. Default: messages alone. */
  readonly withAll?: boolean;
}

export class Operations {
  readonly #canonical: Canonical;
  readonly #context: CallContext;
  /** Those of the whole response. */
  readonly #files: ShownFiles;

  /** @param tls whether the server's ports speak TLS */
  constructor(canonical: Canonical, context: CallContext, tls: boolean) {
    this.#canonical = canonical;
    this.#context = context;
    this.#files = new ShownFiles({ canonical, context, tls });
  }

  async send(request: SendMessageRequest): Promise<Task> {
    const { historyLength, returnImmediately = false } = request.configuration ?? {};
    const withAll = acceptsAll(request);
    const { turn, contextId, events, known } = await begin(this.#canonical, this.#context, request);
    if (returnImmediately) return this.task(turn, { contextId, historyLength, withAll });
    const updates = updatesOf(events, { turn, contextId, known, parts: [], show: SHOW_NOTHING, withAll: false });
    let step = await updates.next();
    while (!step.done) step = await updates.next();
    return this.task(step.value, { contextId, historyLength, withAll });
  }

  /** The first of the updates comes once the message is stored. */
  async *stream(request: SendMessageRequest): AsyncGenerator<StreamResponse | undefined, void> {
    const { turn, contextId, events, known } = await begin(this.#canonical, this.#context, request);
    const before = known.size === 0 ? [] : await shownEntriesOfTurn(this.#canonical, this.#context, turn.id);
    const had = before.filter(({ id }) => known.has(id));
    yield* this.#follow(turn, contextId, events, had, acceptsAll(request));
  }

  async get({ id, historyLength }: GetTaskRequest): Promise<Task> {
    checkHistoryLength("history_length", historyLength);
    const turn = await this.turn(id);
    return this.task(turn, { contextId: await this.#contextId(turn), historyLength });
  }

  async cancel({ id }: CancelTaskRequest): Promise<Task> {
    const before = await this.turn(id);
    const state = taskState(before);
    if (isOver(before) && state !== TaskState.CANCELED) throw notCancelable(nameOf(state));
    const { turn = before } = isOver(before)
      ? { turn: before }
      : await this.#canonical.call(this.#context, TurnService.method.cancelTurn, { turnId: before.id });
    // It may have come to its end first.
    if (taskState(turn) !== TaskState.CANCELED) throw notCancelable(nameOf(taskState(turn)));
    return this.task(turn, { contextId: await this.#contextId(turn) });
  }

  async *subscribe({ id }: SubscribeToTaskRequest): AsyncGenerator<StreamResponse | undefined, void> {
    const turn = await this.turn(id);
    if (isOver(turn)) throw unsupported("the task has ended");
    const request = { turnId: turn.id, streamEntries: true };
    const events = this.#canonical.stream(this.#context, TurnService.method.resumeTurn, request);
    const entries = await shownEntriesOfTurn(this.#canonical, this.#context, turn.id);
    yield* this.#follow(turn, await this.#contextId(turn), events, entries, false);
  }

  /** The turns of a context; undefined: the caller sees no such context. */
  async conversation(contextId: string): Promise<Conversation | undefined> {
    return findConversation(this.#canonical, this.#context, contextId);
  }

  async turn(id: string): Promise<Turn> {
    const turn = await this.findTurn(id);
    if (turn === undefined) throw taskNotFound();
    return turn;
  }

  /** Undefined: the caller sees no such task. */
  async findTurn(id: string): Promise<Turn | undefined> {
    try {
      return (await this.#canonical.call(this.#context, TurnService.method.getTurn, { turnId: id })).turn;
    } catch (error) {
      const known =
        error instanceof DomainError &&
        [ErrorReason.NOT_FOUND, ErrorReason.INVALID_FIELD].includes(error.reason as never);
      if (!known) throw error;
      return undefined;
    }
  }

  async task(turn: Turn, { contextId, historyLength, withArtifacts = true, withAll = false }: Shown): Promise<Task> {
    const wantsHistory = historyLength !== 0;
    const entries =
      wantsHistory || withArtifacts || !isOver(turn)
        ? await this.#files.messages(await shownEntriesOfTurn(this.#canonical, this.#context, turn.id))
        : [];
    const asked = wantsHistory ? await this.#asked(turn) : undefined;
    return toTask({ turn, contextId, asked, entries, historyLength, withArtifacts, withAll });
  }

  async #contextId({ conversationId }: Turn): Promise<string> {
    const { getConversation } = ConversationService.method;
    const { conversation } = await this.#canonical.call(this.#context, getConversation, { conversationId });
    return conversation === undefined ? conversationId : contextIdOf(conversation);
  }

  /** The message that the turn replies to, unless it is deleted. */
  async #asked({ messageId }: Turn): Promise<Message | undefined> {
    try {
      const { getMessage } = MessageService.method;
      const { message } = await this.#canonical.call(this.#context, getMessage, { messageId });
      return message && (await this.#files.message(message));
    } catch (error) {
      if (error instanceof DomainError && error.reason === ErrorReason.NOT_FOUND) return undefined;
      throw error;
    }
  }

  /** The task with these entries, then what is new, then its last status. */
  async *#follow(
    turn: Turn,
    contextId: string,
    events: TurnEvents,
    entries: readonly Message[],
    withAll: boolean,
  ): AsyncGenerator<StreamResponse | undefined, void> {
    const asked = await this.#asked(turn);
    const shown = await this.#files.messages(entries);
    const all = { historyLength: undefined, withArtifacts: true, withAll };
    const task = toTask({ turn, contextId, asked, entries: shown, ...all });
    yield create(StreamResponseSchema, { payload: { case: "task", value: task } });
    const known = new Set(entries.map(({ id }) => id));
    const show = (part: Part) => this.#files.part(part);
    const parts = task.artifacts[0]?.parts ?? [];
    const now = yield* updatesOf(events, { turn, contextId, known, parts, show, withAll });
    const waits = isOver(now) ? [] : await shownEntriesOfTurn(this.#canonical, this.#context, now.id);
    const value = { taskId: now.id, contextId, status: toStatus(now, contextId, waits) };
    yield create(StreamResponseSchema, { payload: { case: "statusUpdate", value } });
  }
}

function acceptsAll({ configuration }: SendMessageRequest): boolean {
  return configuration?.acceptedOutputModes.includes(LOG_PART) === true;
}

const SHOW_NOTHING = (part: Part) => Promise.resolve(part);

function nameOf(state: TaskState): string {
  return (TaskStateSchema.value[state]?.localName ?? "unspecified").toLowerCase();
}

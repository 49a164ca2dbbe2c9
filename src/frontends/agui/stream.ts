// The events of a run, in the order that clients enforce: RUN_STARTED first, all that is opened closed, one last event.
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import type { ApprovalRequestPart } from "../../../gen/colloquy/v1/part_pb.ts";
import { type Turn, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import type { ResumeTurnResponse } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import type { ShownFiles } from "../../dialects/shared/files/show.ts";
import type { RunInput } from "./input.ts";
import { lastEvent } from "./outcome.ts";
import { type AguiEvent, type AguiMessage, PROTOCOL_VERSION } from "./protocol.ts";
import type { Plan, Run } from "./run.ts";
import type { Thread } from "./thread.ts";
import { ToldState } from "./told-state.ts";
import { type EntryEvent, TurnEvents, type TurnEventsOptions } from "./turn-events.ts";

/** The events; undefined: nothing has happened for a while. */
export async function* streamOf(run: Run, plan: Plan, input: RunInput): AsyncGenerator<AguiEvent | undefined, void> {
  const { threadId, runId, parentRunId } = input;
  yield {
    type: "RUN_STARTED",
    threadId,
    runId,
    protocolVersion: PROTOCOL_VERSION,
    ...(parentRunId !== undefined && { parentRunId }),
  };
  if (plan.kind === "turn") {
    const { events, known, answered, state } = plan;
    if (state) yield state;
    const before: AguiEvent | undefined =
      input.stateJson === undefined ? state : { type: "STATE_SNAPSHOT", snapshot: JSON.parse(input.stateJson) };
    const options = { known, answered, seesState: true };
    const { turn, questions } = yield* followed(run, events, options, new ToldState(before));
    // What was asked before is in the thread.
    const asked = turn?.awaited.some(({ approvalId }) => approvalId !== "" && !questions.has(approvalId));
    yield lastEvent(input, turn, asked ? (await run.thread()).questions : questions);
  } else yield* sentThread(run, plan, input);
}

/** Parts of a message come one by one; the result of a tool comes whole. */
async function withFiles(event: EntryEvent, files: ShownFiles): Promise<EntryEvent> {
  if (event.case === "entryDelta" && event.value.piece.case === "part") {
    const value = await files.part(event.value.piece.value);
    return { ...event, value: { ...event.value, piece: { case: "part", value } } };
  }
  const { message } = event.case === "entryEnded" ? event.value : {};
  if (event.case !== "entryEnded" || message?.kind !== MessageKind.TOOL_RESULT) return event;
  return { ...event, value: { ...event.value, message: await files.message(message) } };
}

/** The thread as it is, and what its open turns add to it. */
async function* sentThread(
  run: Run,
  { open, last }: Extract<Plan, { kind: "thread" }>,
  input: RunInput,
): AsyncGenerator<AguiEvent | undefined, void> {
  const sent = new SentThread(await run.thread(), last?.messageId ?? "");
  const { entryIds, questions } = sent;
  const state = await run.state();
  if (state) yield state;
  // A client may have opened with words of its own before there is a conversation.
  if (run.exists) yield sent.takeSnapshot();
  let turn = endFor(input, last, sent.askedId);
  for (const [at, { id, state }] of open.entries()) {
    const waits = state === TurnState.INPUT_REQUIRED;
    const options = { known: entryIds, mayHoldThoughts: at === 0 && !waits && !sent.hasReasoning };
    const followedTurn = yield* followed(run, run.follow(id), options);
    turn = followedTurn.turn;
    for (const [question, part] of followedTurn.questions) questions.set(question, part);
    if (turn?.state === TurnState.INPUT_REQUIRED) break;
  }
  yield lastEvent(input, turn, questions);
}

/** What is still needed of a thread once it is sent; whoever follows its turns does not hold its messages. */
class SentThread {
  readonly entryIds: ReadonlySet<string>;
  readonly questions: Map<string, ApprovalRequestPart>;
  readonly hasReasoning: boolean;
  /** The id by which the client knows the message that its last turn replies to. */
  readonly askedId: string | undefined;
  #messages: readonly AguiMessage[] | undefined;

  constructor(thread: Thread, asked: string) {
    this.entryIds = thread.entryIds;
    this.questions = new Map(thread.questions);
    this.hasReasoning = thread.hasReasoning;
    this.askedId = thread.idOf(asked);
    this.#messages = thread.messages;
  }

  /** Once. */
  takeSnapshot(): AguiEvent {
    const messages = this.#messages ?? [];
    this.#messages = undefined;
    return { type: "MESSAGES_SNAPSHOT", messages: [...messages] };
  }
}

/**
 * The ended turn that a run with nothing new asks for. A client that brings messages sends a run again and wants to
 * know how it went; one that brings none opens the thread.
 */
function endFor({ messages }: RunInput, last: Turn | undefined, asked: string | undefined): Turn | undefined {
  const lastUser = messages.findLast(({ role }) => role === "user");
  return lastUser !== undefined && lastUser.id === asked ? last : undefined;
}

/** With which every client begins. */
const NO_STATE: AguiEvent = { type: "STATE_SNAPSHOT", snapshot: {} };

interface Followed {
  /** As it ended, or waits. */
  readonly turn: Turn | undefined;
  readonly questions: TurnEvents["questions"];
}

async function* followed(
  run: Run,
  events: AsyncIterable<Pick<ResumeTurnResponse, "event">>,
  options: TurnEventsOptions,
  told?: ToldState,
): AsyncGenerator<AguiEvent | undefined, Followed> {
  const reader = new TurnEvents(options);
  const { questions } = reader;
  const files = run.files();
  for await (const { event } of events) {
    switch (event.case) {
      case "entryStarted":
      case "entryDelta":
      case "entryEnded": {
        const { events: read, resync, after = [], changesState } = reader.read(await withFiles(event, files));
        yield* read;
        const isWrong = await told?.isWrong(event);
        if (changesState || isWrong) yield (await run.state()) ?? (isWrong ? NO_STATE : undefined);
        if (resync) yield { type: "MESSAGES_SNAPSHOT", messages: (await run.thread(resync)).messages };
        yield* after;
        break;
      }
      case "inputRequired":
      case "ended":
        yield* reader.close();
        if (await told?.isWrong()) yield (await run.state()) ?? NO_STATE;
        return { turn: event.value.turn, questions };
      default:
        yield undefined;
    }
  }
  throw new Error("a turn's stream broke off");
}

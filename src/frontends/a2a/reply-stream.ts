// A turn as it goes on, as updates of its task: pieces of the artifact, and its last status.
import { create } from "@bufbuild/protobuf";
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Part as OurPart } from "../../../gen/colloquy/v1/part_pb.ts";
import { type Turn, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import type { ResumeTurnResponse } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { type Part, type StreamResponse, StreamResponseSchema, TaskState } from "../../../gen/lf/a2a/v1/a2a_pb.ts";
import { artifactParts, fromOurs, textPart } from "./parts.ts";
import { taskState, toArtifact } from "./tasks.ts";

export type TurnEvents = AsyncIterable<Pick<ResumeTurnResponse, "event">>;

export interface Followed {
  readonly turn: Turn;
  readonly contextId: string;
  /** Ids of the entries that the client has. */
  readonly known: ReadonlySet<string>;
  /** The parts of the artifact that it has. */
  readonly parts: readonly Part[];
  /** Shows the files of parts. */
  readonly show: (part: OurPart) => Promise<OurPart>;
  /** Whether the artifact has entries of all kinds. */
  readonly withAll: boolean;
}

/** The updates; undefined: nothing has happened for a while. Returns the turn as it ended, or waits. */
export async function* updatesOf(
  events: TurnEvents,
  { turn, contextId, known, parts, show, withAll }: Followed,
): AsyncGenerator<StreamResponse | undefined, Turn> {
  const task = { taskId: turn.id, contextId };
  const whole = [...parts];
  let isShown = parts.length > 0;
  let isQueued = turn.state === TurnState.QUEUED;
  /** The open entry: where its text is in `whole`, and how long it is, in code points. */
  let open: { readonly index: number; place: number; length: number } | undefined;
  const update = (some: readonly Part[], append: boolean) => {
    isShown = true;
    const value = { ...task, artifact: toArtifact(some), append };
    return create(StreamResponseSchema, { payload: { case: "artifactUpdate", value } });
  };
  for await (const { event } of events) {
    if (isQueued && event.case?.startsWith("entry")) {
      isQueued = false;
      const value = { ...task, status: { state: TaskState.WORKING } };
      yield create(StreamResponseSchema, { payload: { case: "statusUpdate", value } });
    }
    switch (event.case) {
      case "entryStarted": {
        const { index, kind, messageId } = event.value;
        open = kind === MessageKind.MESSAGE && !known.has(messageId) ? { index, place: -1, length: 0 } : undefined;
        break;
      }
      case "entryDelta": {
        const { index, offset, piece } = event.value;
        if (open?.index !== index) break;
        if (piece.case === "part") {
          const part = fromOurs(await show(piece.value));
          if (part === undefined) break;
          whole.push(part);
          yield update([part], isShown);
        } else if (piece.case === "text" && piece.value !== "") {
          if (open.place === -1) open.place = whole.push(textPart("")) - 1;
          const before = textIn(whole[open.place]);
          const isReplaced = Number(offset) < open.length;
          const kept = isReplaced ? [...before].slice(0, Number(offset)).join("") : before;
          whole[open.place] = textPart(kept + piece.value);
          open.length = isReplaced ? [...kept].length : open.length;
          for (const _ of piece.value) open.length++;
          // What was told is not so any more: the artifact is told again.
          yield isReplaced ? update(whole, false) : update([textPart(piece.value)], isShown);
        }
        break;
      }
      case "entryEnded": {
        const { message: entry } = event.value;
        // Messages were told piece by piece.
        if (!withAll || entry === undefined || entry.kind === MessageKind.MESSAGE || known.has(entry.id)) break;
        const shown = await Promise.all(entry.parts.map(show));
        const more = artifactParts({ ...entry, parts: shown }, withAll);
        if (more.length === 0) break;
        whole.push(...more);
        yield update(more, isShown);
        break;
      }
      case "inputRequired":
      case "ended":
        return event.value.turn ?? turn;
      case undefined:
        yield undefined;
        break;
      default:
    }
  }
  throw new Error("a turn's stream broke off");
}

function textIn(part: Part | undefined): string {
  return part?.content.case === "text" ? part.content.value : "";
}

export function isOver(turn: Turn): boolean {
  return [TaskState.COMPLETED, TaskState.CANCELED, TaskState.FAILED].includes(taskState(turn) as never);
}

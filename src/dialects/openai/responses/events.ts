// The events of a response, made of those of its turn: the same each time, numbered from 0 without gaps.
import { MessageKind } from "../../../../gen/colloquy/v1/message_pb.ts";
import { type Part, ToolType } from "../../../../gen/colloquy/v1/part_pb.ts";
import type { Turn, TurnEntryEnded, TurnEntryStarted } from "../../../../gen/colloquy/v1/turn_pb.ts";
import type { ResumeTurnResponse } from "../../../../gen/colloquy/v1/turn_service_pb.ts";
import { type FilesInPlace, NO_FILES } from "../files/in-place.ts";
import { FORMATS } from "../items/item-types.ts";
import { membersOf, textOf } from "../items/json-members.ts";
import { writeItem } from "../items/write-item.ts";
import type { ResponseNote } from "./note.ts";
import { OpenItem } from "./open-item.ts";
import { isOutput, isShown } from "./output.ts";
import { type ResponseStatus, responseJson, statusOf } from "./response-json.ts";
import { wholeItem } from "./whole-item.ts";

function phaseOf({ content }: Part): string | undefined {
  if (content.case !== "opaque" || content.value.format !== FORMATS.message) return undefined;
  return textOf(membersOf(content.value.json ?? "")?.get("phase"));
}

/** What the events of a turn are numbered on by where some were lost with the server that ran it. */
const LOST = 1000;

export class ResponseEvents {
  readonly #turn: Turn;
  readonly #note: ResponseNote;
  readonly #output: string[] = [];
  /** The number of the last event that the reader has; -1: none. */
  readonly #after: number;
  #next = 0;
  #isLost = false;
  #hasEnded = false;
  #open: OpenItem | undefined;

  constructor(turn: Turn, note: ResponseNote, after: number) {
    this.#turn = turn;
    this.#note = note;
    this.#after = after;
  }

  /** Whether the last event was taken. */
  get ended(): boolean {
    return this.#hasEnded;
  }

  /** The number of the next event. */
  get next(): number {
    return this.#next;
  }

  /** Numbers what comes now on from far behind what a reader may have seen, if events of the turn were lost. */
  lostIf(turn: Turn | undefined): void {
    if (this.#isLost || !turn?.deltasLost) return;
    this.#isLost = true;
    this.#next += LOST;
  }

  begin(): string {
    const response = responseJson(this.#turn, this.#note, [], "in_progress");
    return (
      this.#event("response.created", `"response":${response}`) +
      this.#event("response.in_progress", `"response":${response}`)
    );
  }

  /**
   * The events that one of the turn becomes; often none.
   * @param files those that its message shows in place; default: none
   */
  take(event: ResumeTurnResponse["event"], files: FilesInPlace = NO_FILES): string {
    switch (event.case) {
      case "entryStarted":
        return this.#started(event.value);
      case "entryDelta": {
        const { piece } = event.value;
        if (piece.case === "part") return this.#all(this.#open?.begin(phaseOf(piece.value)) ?? []);
        return typeof piece.value === "string" ? this.#all(this.#open?.delta(piece.value) ?? []) : "";
      }
      case "entryEnded":
        return this.#ended(event.value, files);
      case "ended":
        return event.value.turn === undefined ? "" : this.#end(event.value.turn);
      default:
        return "";
    }
  }

  #started({ messageId, kind, partId, toolCall, extraJson }: TurnEntryStarted): string {
    this.#open = undefined;
    // An item is told of when it is whole.
    if (!isShown(kind, toolCall?.runsAt) || kind === MessageKind.ITEM) return "";
    const isCustom = toolCall?.type === ToolType.CUSTOM;
    const call = toolCall && { callId: toolCall.callId ?? "", name: toolCall.name ?? "", isCustom, extraJson };
    this.#open = new OpenItem({ messageId, kind, partId, call, index: this.#output.length });
    // The phase of a message comes at once after this.
    return kind === MessageKind.MESSAGE ? "" : this.#all(this.#open.begin());
  }

  #ended({ message }: TurnEntryEnded, files: FilesInPlace): string {
    const open = this.#open;
    this.#open = undefined;
    if (message === undefined || !isOutput(message)) return "";
    const { json } = writeItem(message, files);
    const index = this.#output.length;
    this.#output.push(json);
    return this.#all(open === undefined ? wholeItem(json, index) : open.end(json));
  }

  #end(turn: Turn): string {
    const status = statusOf(turn);
    this.lostIf(turn);
    this.#hasEnded = true;
    // There is no event for what was cancelled.
    const type = TERMINAL[status] ?? "response.incomplete";
    return this.#event(type, `"response":${responseJson(turn, this.#note, this.#output)}`);
  }

  #all(events: readonly (readonly [type: string, members: string])[]): string {
    return events.map(([type, members]) => this.#event(type, members)).join("");
  }

  #event(type: string, members: string): string {
    const number = this.#next++;
    if (number <= this.#after) return "";
    return `event: ${type}\ndata: {"type":"${type}","sequence_number":${number},${members}}\n\n`;
  }
}

const TERMINAL: { readonly [status in ResponseStatus]?: string } = {
  completed: "response.completed",
  failed: "response.failed",
};

// The events that tell of one entry, and of parts that no message of AG-UI's has a place for.
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Part } from "../../../gen/colloquy/v1/part_pb.ts";
import { patchIn, STATE, stateChangeIn } from "../../domain/turns/shared-state.ts";
import { fromParts } from "./content.ts";
import type { AguiEvent } from "./protocol.ts";

export interface Events {
  readonly start: readonly AguiEvent[];
  readonly content: (delta: string) => AguiEvent;
  readonly end: readonly AguiEvent[];
}

/** The events of an entry: what begins it, a piece of it, what ends it. */
export function eventsOf(
  kind: MessageKind,
  messageId: string,
  toolCallId: string,
  name: string,
  parentMessageId: string,
): Events {
  switch (kind) {
    case MessageKind.REASONING:
      return {
        start: [
          { type: "REASONING_START", messageId },
          { type: "REASONING_MESSAGE_START", messageId, role: "reasoning" },
        ],
        content: (delta: string) => ({ type: "REASONING_MESSAGE_CONTENT", messageId, delta }),
        end: [
          { type: "REASONING_MESSAGE_END", messageId },
          { type: "REASONING_END", messageId },
        ],
      };
    case MessageKind.TOOL_CALL:
      return {
        start: [{ type: "TOOL_CALL_START", toolCallId, toolCallName: name, parentMessageId }],
        content: (delta: string) => ({ type: "TOOL_CALL_ARGS", toolCallId, delta }),
        end: [{ type: "TOOL_CALL_END", toolCallId }],
      } as const;
    default:
      return {
        start: [{ type: "TEXT_MESSAGE_START", messageId, role: "assistant" }],
        content: (delta: string) => ({ type: "TEXT_MESSAGE_CONTENT", messageId, delta }),
        end: [{ type: "TEXT_MESSAGE_END", messageId }],
      };
  }
}

/** What a part says of the state. */
export function stateEvents(part: Part): AguiEvent[] {
  const change = stateChangeIn(part);
  const { name, json = "null" } = change ?? {};
  if (name === STATE) return [{ type: "STATE_SNAPSHOT", snapshot: JSON.parse(json) }];
  const delta = patchIn(json);
  return delta === undefined ? [] : [{ type: "STATE_DELTA", delta }];
}

/** A part that no message of AG-UI's has a place for. */
export function customEvents(part: Part): AguiEvent[] {
  const { content } = part;
  if (content.case === "file") return fromParts([part]).map((value) => ({ type: "CUSTOM", name: "file", value }));
  if (content.case !== "data") return [];
  const { name = "", json } = content.value;
  return [{ type: "CUSTOM", name, value: json === undefined ? null : JSON.parse(json) }];
}

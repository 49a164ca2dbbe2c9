// Entries of logs, presences and heartbeats as responses of Subscribe.
import { create } from "@bufbuild/protobuf";
import { type SubscribeResponse, SubscribeResponseSchema } from "../../../gen/colloquy/v1/event_service_pb.ts";
import type { MemberPresence } from "../../live/presence/state.ts";
import type { LogEntry } from "../../store/messages/messages.ts";
import { toPresence } from "../presence/service.ts";
import { toEvent } from "./convert.ts";

export function presenceResponse(presence: MemberPresence): SubscribeResponse {
  return create(SubscribeResponseSchema, { presence: toPresence(presence) });
}

export function heartbeat(cursor: string): SubscribeResponse {
  return create(SubscribeResponseSchema, { cursor });
}

/** Those who follow one log share its entries, the lists of them, and so the responses made of both. */
const answers = new WeakMap<LogEntry, SubscribeResponse>();
const lists = new WeakMap<readonly LogEntry[], readonly SubscribeResponse[]>();

export function responsesOf(entries: readonly LogEntry[], conversationId: string): readonly SubscribeResponse[] {
  let list = lists.get(entries);
  if (list === undefined) {
    list = entries.map((entry) => responseOf(entry, conversationId));
    lists.set(entries, list);
  }
  return list;
}

export function responseOf(entry: LogEntry, conversationId: string): SubscribeResponse {
  let response = answers.get(entry);
  if (response === undefined) {
    response = create(SubscribeResponseSchema, {
      event: toEvent(entry, conversationId),
      cursor: String(entry.seq),
    });
    answers.set(entry, response);
  }
  return response;
}

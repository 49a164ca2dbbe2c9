// Writes entries of logs as the JSON of events.
import { EventSchema } from "../../../gen/colloquy/v1/event_pb.ts";
import { createJsonForm } from "../../codec/json/json-writer.ts";
import type { LogEntry } from "../../store/messages/messages.ts";
import { toEvent } from "./convert.ts";

/** An event as REST shows it: with the fields that hold their default. */
export function createEventJson(): (entry: LogEntry, conversationId: string) => string {
  const form = createJsonForm({ alwaysEmitImplicit: true });
  return (entry, conversationId) => form.stringify(form(EventSchema, toEvent(entry, conversationId)));
}

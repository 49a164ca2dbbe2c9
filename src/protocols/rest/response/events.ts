// The formats of a response stream: server-sent events, newline-delimited JSON, or raw bytes.
import { type DescField, getOption, hasOption, type Message } from "@bufbuild/protobuf";
import { field as restField } from "../../../../gen/colloquy/rest/v1/options_pb.ts";
import { isHeartbeat, STREAM_HEADERS } from "../../../pipeline/streams/heartbeat.ts";
import type { Headers } from "../../http/response.ts";
import { SharedFrames } from "../../http/stream/shared-frames.ts";
import type { Binding } from "../binding/binding.ts";
import { getField } from "../binding/field-path.ts";
import { EVENTS_TYPE, NDJSON_TYPE } from "../binding/media.ts";
import { httpBodyIn } from "../request/message.ts";
import type { JsonWriter } from "./json-write.ts";
import { setContentType } from "./message.ts";

/** The id of the event that is the last of its stream. */
export const LAST_ID = "end";

export interface StreamFormat {
  /** Whether its last event has the id {@link LAST_ID}, with which a client that reconnects is stopped. */
  readonly ends: boolean;
  /** Whether its headers follow from the first message, so that they wait for it, however long that takes. */
  readonly needsFirst: boolean;
  /** Sets the headers of the response; `first` is its first message, if that is known before they are sent. */
  head(headers: Headers, first: Message | undefined): void;
  /** The messages as they are sent. */
  readonly frames: SharedFrames;
  /**
   * How a failure is told: the last thing that is sent, from the JSON that the mount renders for it. Undefined: the stream has
   * no form for it. `first` is the first message, which the stream does not hold.
   */
  errorForm(first: Message | undefined): ((body: unknown) => string) | undefined;
  /** What keeps a silent connection alive, if the format has such a thing. */
  readonly heartbeat: string | undefined;
}

/** A comment (WHATWG HTML §9.2.6), and an empty line, as CouchDB's feeds have it. */
const EVENT_BEAT = ":\n\n";
const LINE_BEAT = "\n";

/** The format of the WHATWG HTML standard, §9.2. Every event is one line of JSON. */
export function createEventFormat(binding: Binding, writer: JsonWriter): StreamFormat {
  const { output } = binding.method;
  const oneof = output.oneofs.find((one) => one.localName === binding.eventOneof);
  const idOf = createIdReader(binding, oneof?.fields);
  const last = oneof?.fields.find(isLastEvent);
  return {
    ends: last !== undefined,
    needsFirst: false,
    heartbeat: EVENT_BEAT,
    head(headers) {
      Object.assign(headers, STREAM_HEADERS, { "content-type": EVENTS_TYPE });
    },
    frames: new SharedFrames((message) => {
      if (isHeartbeat(message)) return Buffer.from(EVENT_BEAT);
      const chosen = oneof?.fields.find((field) => getField(message, field) !== undefined);
      const one = chosen ?? binding.responseBody;
      const data = one === undefined ? writer.message(output, message) : writer.field(output, message, one);
      const id = chosen !== undefined && chosen === last ? LAST_ID : idOf(message, chosen);
      const event = chosen === undefined ? "" : `event: ${chosen.name}\n`;
      return Buffer.from(`${event}${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`);
    }),
    errorForm: () => errorEvent,
  };
}

/** One message a line. */
export function createLineFormat(binding: Binding, writer: JsonWriter): StreamFormat {
  const { method, responseBody } = binding;
  return {
    ends: false,
    needsFirst: false,
    heartbeat: undefined,
    head(headers) {
      Object.assign(headers, STREAM_HEADERS, { "content-type": NDJSON_TYPE });
    },
    frames: new SharedFrames((message) => {
      if (isHeartbeat(message)) return Buffer.from(LINE_BEAT);
      const { output } = method;
      const line =
        responseBody === undefined ? writer.message(output, message) : writer.field(output, message, responseBody);
      return Buffer.from(`${line}\n`);
    }),
    errorForm: () => (body) => `${JSON.stringify({ error: body })}\n`,
  };
}

/** The bytes of google.api.HttpBody messages, one after the other, with the type that the first names. */
export function createRawFormat(binding: Binding): StreamFormat {
  return {
    ends: false,
    needsFirst: true,
    heartbeat: undefined,
    head(headers, first) {
      const body = first && httpBodyIn(first, binding.responseBody);
      const isEmpty = body?.contentType === "" && body.data.byteLength === 0;
      // Without content there is no type either.
      if (!isEmpty) setContentType(headers, body);
    },
    frames: new SharedFrames((message) => httpBodyIn(message, binding.responseBody)?.data ?? new Uint8Array()),
    // Of other types a failure has no form.
    errorForm(first) {
      const type = first && httpBodyIn(first, binding.responseBody)?.contentType;
      return type === EVENTS_TYPE ? errorEvent : undefined;
    },
  };
}

function errorEvent(body: unknown): string {
  return `event: error\ndata: ${JSON.stringify(body)}\n\n`;
}

/** Reads the `id` of an event: the field marked `event_id`, of the message or of the one in its event_oneof. */
function createIdReader(binding: Binding, choices: readonly DescField[] | undefined) {
  const own = binding.method.output.fields.find(isEventId);
  const inner = new Map<DescField, DescField>();
  for (const choice of choices ?? []) {
    const field = choice.fieldKind === "message" ? choice.message.fields.find(isEventId) : undefined;
    if (field !== undefined) inner.set(choice, field);
  }
  return (message: Message, chosen: DescField | undefined): string | undefined => {
    const field = chosen && inner.get(chosen);
    const value =
      chosen !== undefined && field !== undefined
        ? getField(getField(message, chosen) as Message, field)
        : own && getField(message, own);
    const id = value === undefined ? "" : String(value);
    // A line break would end the field, and an id with NUL is ignored (§9.2.6).
    return id === "" || id === "0" || id === "false" || /[\0\r\n]/.test(id) ? undefined : id;
  };
}

function isEventId(field: DescField): boolean {
  return hasOption(field, restField) && getOption(field, restField).eventId;
}

function isLastEvent(field: DescField): boolean {
  return hasOption(field, restField) && getOption(field, restField).lastEvent;
}

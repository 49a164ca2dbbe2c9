// Converts the exports of OpenAI's products to records of an import: ChatGPT's export, threads, conversations and
// items.
import { toJsonString } from "@bufbuild/protobuf";
import { RecordSchema } from "../../../../gen/colloquy/v1/record_pb.ts";
import { DomainError, invalidField } from "../../../domain/errors.ts";
import { elementsOf, membersOf } from "../items/json-members.ts";
import { threadMessageRecord, threadRecord } from "./assistants.ts";
import { chatGptRecords, isChatGpt } from "./chatgpt.ts";
import { conversationRecord, itemRecord, type OpenConversation } from "./conversations.ts";
import { type ImportOptions, type Json, type RecordDraft, textIn } from "./drafts.ts";
import { withFiles } from "./files.ts";
import { jsonValues } from "./json-values.ts";

/** One line of newline-delimited JSON, or what is wrong with a value; each with the number of its value, from 1. */
export type ConvertedLine =
  | { readonly value: number; readonly line: string }
  | { readonly value: number; readonly fault: string };

/** Messages of a thread in a row are put into the order of their times, so many at most. */
const MAX_ROW = 100_000;

/**
 * Makes records of what a file holds: ChatGPT's conversations.json, or values with an `object` of `thread`,
 * `thread.message`, `conversation`, `list`, and items, each after its conversation or with a `conversation_id`. Values
 * that are none of these become faults.
 */
export async function* openAiRecords(
  chunks: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): AsyncGenerator<ConvertedLine> {
  const converter = new Converter(options);
  let value = 0;
  for await (const text of jsonValues(chunks)) yield* written(converter.convert(++value, text), options);
  yield* written(converter.end(), options);
}

/** A record, or what is wrong with a value. */
type Converted =
  | { readonly value: number; readonly record: RecordDraft }
  | { readonly value: number; readonly fault: string };

async function* written(all: Iterable<Converted>, { files }: ImportOptions): AsyncGenerator<ConvertedLine> {
  for (const one of all) {
    if ("fault" in one) yield one;
    else yield { value: one.value, line: `${toJsonString(RecordSchema, await withFiles(one.record, files))}\n` };
  }
}

class Converter {
  readonly #options: ImportOptions;
  readonly #conversations = new Map<string, OpenConversation>();
  #current: OpenConversation | undefined;
  /** The messages of one thread, which lists hand out newest first. */
  #row: { value: number; message: Json }[] = [];

  constructor(options: ImportOptions) {
    this.#options = options;
  }

  *convert(value: number, text: string): Generator<Converted> {
    try {
      const json = parse(text);
      if (json.object === "thread.message") {
        yield* this.#message(value, json);
        return;
      }
      yield* this.end();
      for (const record of this.#records(value, text, json)) {
        if (record !== undefined) yield { value, record };
      }
    } catch (error) {
      yield { value, fault: faultOf(error) };
    }
  }

  /** What waits for its order. */
  *end(): Generator<Converted> {
    const row = this.#row;
    this.#row = [];
    const at = (index: number) => Number(row.at(index)?.message.created_at);
    // Those of one second keep the order of the list, the oldest first.
    const oldestFirst = at(0) > at(-1) ? row.toReversed() : row;
    const sorted = oldestFirst.toSorted((a, b) => Number(a.message.created_at) - Number(b.message.created_at));
    for (const { value, message } of sorted) {
      try {
        yield { value, record: threadMessageRecord(message, this.#options) };
      } catch (error) {
        yield { value, fault: faultOf(error) };
      }
    }
  }

  *#message(value: number, message: Json): Generator<Converted> {
    const other = this.#row[0] !== undefined && this.#row[0].message.thread_id !== message.thread_id;
    if (other || this.#row.length >= MAX_ROW) yield* this.end();
    this.#row.push({ value, message });
  }

  *#records(value: number, text: string, json: Json): Generator<RecordDraft | undefined> {
    if (isChatGpt(json)) {
      yield* chatGptRecords(json, this.#options);
      return;
    }
    switch (json.object) {
      case "thread":
        yield threadRecord(json, this.#options);
        for (const message of Array.isArray(json.messages) ? json.messages : (json.messages?.data ?? [])) {
          this.#row.push({ value, message: { thread_id: json.id, ...message } });
        }
        return;
      case "conversation": {
        const [conversation, record] = conversationRecord(json, this.#options);
        this.#conversations.set(conversation.id, conversation);
        this.#current = conversation;
        yield record;
        yield* this.#items(membersOf(text)?.get("items"), conversation);
        return;
      }
      case "list":
        for (const element of elementsOf(membersOf(text)?.get("data") ?? "") ?? []) {
          yield* this.#listed(value, element);
        }
        return;
      default:
        yield this.#item(text, json);
    }
  }

  *#listed(value: number, text: string): Generator<RecordDraft | undefined> {
    const json = parse(text);
    if (json.object === "thread.message") this.#row.push({ value, message: json });
    else yield* this.#records(value, text, json);
  }

  *#items(list: string | undefined, conversation: OpenConversation): Generator<RecordDraft | undefined> {
    const data = list?.trimStart().startsWith("{") ? membersOf(list)?.get("data") : list;
    for (const element of elementsOf(data ?? "") ?? []) {
      yield itemRecord(element, parse(element), conversation, this.#options);
    }
  }

  #item(text: string, json: Json): RecordDraft | undefined {
    const named = json.conversation_id;
    const conversation = typeof named === "string" ? this.#conversations.get(named) : this.#current;
    if (typeof json.type !== "string" && typeof json.role !== "string") {
      throw invalidField(
        "object",
        "must be thread, thread.message, conversation, list, or left out in an item",
        "object",
      );
    }
    if (conversation === undefined) {
      throw invalidField("conversation_id", `must be a conversation of the file, before its items`, "reference");
    }
    if (named === undefined) return itemRecord(text, json, conversation, this.#options);
    textIn(json, "conversation_id");
    const members = membersOf(text);
    members?.delete("conversation_id");
    const own = [...(members ?? [])].map(([name, member]) => `${JSON.stringify(name)}:${member}`).join(",");
    return itemRecord(`{${own}}`, json, conversation, this.#options);
  }
}

function parse(text: string): Json {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === "object" && json !== null && !Array.isArray(json)) return json;
  } catch {
    throw new BrokenValue("must be JSON");
  }
  throw new BrokenValue("must be an object");
}

/** A value that is none of those. */
class BrokenValue extends Error {}

function faultOf(error: unknown): string {
  if (error instanceof DomainError || error instanceof BrokenValue) return error.message;
  throw error;
}

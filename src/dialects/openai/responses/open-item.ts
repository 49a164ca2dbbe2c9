// The events of one item of a response as it grows: a message, a reasoning, or a call.
import { MessageKind } from "../../../../gen/colloquy/v1/message_pb.ts";
import { derivedId } from "../ids.ts";
import { elementsOf, membersOf, textOf } from "../items/json-members.ts";

/** The name of an event, and its members as JSON. */
export type ItemEvent = readonly [type: string, members: string];

export interface OpenItemHead {
  /** Ours, of the entry. */
  readonly messageId: string;
  readonly kind: MessageKind;
  /** The provider's id; empty: none is known. */
  readonly partId: string;
  readonly call:
    | {
        readonly callId: string;
        readonly name: string;
        readonly isCustom: boolean;
        readonly extraJson: string | undefined;
      }
    | undefined;
  /** Its place in the output. */
  readonly index: number;
}

const EMPTY_TEXT = '{"type":"output_text","text":"","annotations":[],"logprobs":[]}';

export class OpenItem {
  readonly #head: OpenItemHead;
  readonly #id: string;
  readonly #at: string;
  #said = "";
  #added = false;
  #begun = false;

  constructor(head: OpenItemHead) {
    this.#head = head;
    this.#id = idOf(head);
    this.#at = `"item_id":"${this.#id}","output_index":${head.index}`;
  }

  /** Nothing once it has begun. @param phase of a message that has one */
  begin(phase?: string): ItemEvent[] {
    if (this.#added) return [];
    this.#added = true;
    return [["response.output_item.added", `"output_index":${this.#head.index},"item":${this.#skeleton(phase)}`]];
  }

  delta(text: string): ItemEvent[] {
    const { kind, call } = this.#head;
    const delta = JSON.stringify(text);
    const first = [...this.begin(), ...this.#first()];
    this.#said += text;
    if (call) {
      const name = call.isCustom ? "custom_tool_call_input" : "function_call_arguments";
      return [...first, [`response.${name}.delta`, `${this.#at},"delta":${delta}`]];
    }
    if (kind !== MessageKind.REASONING) {
      return [...first, ["response.output_text.delta", `${this.#at},"content_index":0,"delta":${delta},"logprobs":[]`]];
    }
    const [name, place] = this.#thoughts();
    return [...first, [`response.${name}.delta`, `${this.#at},"${place}":0,"delta":${delta}`]];
  }

  /** @param json the whole item */
  end(json: string): ItemEvent[] {
    const { kind, call, index } = this.#head;
    const done: ItemEvent = ["response.output_item.done", `"output_index":${index},"item":${json}`];
    const added = this.begin(textOf(membersOf(json)?.get("phase")));
    if (call) return [...added, this.#callDone(json, call), done];
    return [...added, ...(kind === MessageKind.REASONING ? this.#thoughtsDone() : this.#contentDone(json)), done];
  }

  /** What comes before the first delta. */
  #first(): ItemEvent[] {
    if (this.#begun || this.#head.call) return [];
    this.#begun = true;
    if (this.#head.kind !== MessageKind.REASONING) {
      return [["response.content_part.added", `${this.#at},"content_index":0,"part":${EMPTY_TEXT}`]];
    }
    return this.#isSummary
      ? [
          [
            "response.reasoning_summary_part.added",
            `${this.#at},"summary_index":0,"part":{"type":"summary_text","text":""}`,
          ],
        ]
      : [["response.content_part.added", `${this.#at},"content_index":0,"part":{"type":"reasoning_text","text":""}`]];
  }

  /** A provider that names its thoughts tells a summary of them. */
  get #isSummary(): boolean {
    return this.#head.partId !== "";
  }

  #thoughts(): [name: string, place: string] {
    return this.#isSummary ? ["reasoning_summary_text", "summary_index"] : ["reasoning_text", "content_index"];
  }

  #thoughtsDone(): ItemEvent[] {
    if (!this.#begun) return [];
    const [name, place] = this.#thoughts();
    const text = JSON.stringify(this.#said);
    const at = `${this.#at},"${place}":0`;
    const part = this.#isSummary ? "reasoning_summary_part" : "content_part";
    const type = this.#isSummary ? "summary_text" : "reasoning_text";
    return [
      [`response.${name}.done`, `${at},"text":${text}`],
      [`response.${part}.done`, `${at},"part":{"type":"${type}","text":${text}}`],
    ];
  }

  #callDone(json: string, { name, isCustom }: NonNullable<OpenItemHead["call"]>): ItemEvent {
    const members = membersOf(json);
    return isCustom
      ? ["response.custom_tool_call_input.done", `${this.#at},"input":${members?.get("input") ?? '""'}`]
      : [
          "response.function_call_arguments.done",
          `${this.#at},"name":${JSON.stringify(name)},"arguments":${members?.get("arguments") ?? '""'}`,
        ];
  }

  #contentDone(json: string): ItemEvent[] {
    const content = elementsOf(membersOf(json)?.get("content") ?? "") ?? [];
    return content.flatMap((part, index) => this.#partDone(part, index));
  }

  #partDone(part: string, index: number): ItemEvent[] {
    const members = membersOf(part);
    const at = `${this.#at},"content_index":${index}`;
    const done: ItemEvent = ["response.content_part.done", `${at},"part":${part}`];
    const type = textOf(members?.get("type"));
    if (type === "refusal") {
      const refusal = members?.get("refusal") ?? '""';
      return [
        ["response.content_part.added", `${at},"part":{"type":"refusal","refusal":""}`],
        ["response.refusal.delta", `${at},"delta":${refusal}`],
        ["response.refusal.done", `${at},"refusal":${refusal}`],
        done,
      ];
    }
    if (type !== "output_text" || !(this.#begun && index === 0))
      return [["response.content_part.added", `${at},"part":${part}`], done];
    const notes = elementsOf(members?.get("annotations") ?? "") ?? [];
    return [
      ...notes.map(
        (note, number): ItemEvent => [
          "response.output_text.annotation.added",
          `${at},"annotation_index":${number},"annotation":${note}`,
        ],
      ),
      ["response.output_text.done", `${at},"text":${members?.get("text") ?? '""'},"logprobs":[]`],
      done,
    ];
  }

  #skeleton(phase: string | undefined): string {
    const { kind, call } = this.#head;
    const id = `{"id":"${this.#id}"`;
    if (call) {
      const own = `"call_id":${JSON.stringify(call.callId)},"name":${JSON.stringify(call.name)}`;
      const named = own + membersBeside(call.extraJson);
      return call.isCustom
        ? `${id},"type":"custom_tool_call",${named},"input":""}`
        : `${id},"type":"function_call","status":"in_progress",${named},"arguments":""}`;
    }
    if (kind === MessageKind.REASONING) return `${id},"type":"reasoning","summary":[]}`;
    const phased = phase === undefined ? "" : `,"phase":${JSON.stringify(phase)}`;
    return `${id},"type":"message","status":"in_progress","role":"assistant"${phased},"content":[]}`;
  }
}

const OWN = new Set(["id", "type", "status", "call_id", "name", "arguments", "input"]);

/** What the provider has told beside a call, such as its namespace. */
function membersBeside(extraJson: string | undefined): string {
  const members = [...(membersOf(extraJson ?? "{}") ?? [])].filter(([name]) => !OWN.has(name));
  return members.map(([name, json]) => `,${JSON.stringify(name)}:${json}`).join("");
}

const GIVEN_ID = /^[A-Za-z0-9_-]{1,128}$/;

function idOf({ messageId, kind, partId, call }: OpenItemHead): string {
  if (kind === MessageKind.REASONING) return GIVEN_ID.test(partId) ? partId : derivedId("rs", messageId);
  return derivedId(call ? (call.isCustom ? "ctc" : "fc") : "msg", messageId);
}

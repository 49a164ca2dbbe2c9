// Writes messages in Protobuf's binary form from the text of their JSON form, without making them. Only text as our own
// writer spells it is read: fields in the order of their numbers, each once, no whitespace. The rest is the library's.
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { fieldsInOrder, IMPLICIT, isWellKnown } from "../field-presence.ts";
import type { ByteSink } from "./byte-writer.ts";
import { enumOf, type Read, type Source, scalarOf, textOf, timeOf } from "./scalars-from-json.ts";

/** Writes the field from its JSON text. False: nothing was written, the library must do it. */
export type FieldFromJson = (text: string, to: ByteSink) => boolean;

/** For a list of messages; always false where they have fields that are not read here. */
export function createFieldFromJson(field: DescField): FieldFromJson {
  const read = new Compiler().field(field);
  return (text, to) => {
    if (read === undefined) return false;
    // The library refuses half a surrogate pair.
    if (!text.isWellFormed()) return false;
    const from: Source = { text, at: 0, depth: 0, to };
    const start = to.length;
    if (read(from) && from.at === text.length) return true;
    to.truncate(start);
    return false;
  };
}

interface Step {
  /** Its place in the order of the fields. */
  readonly index: number;
  /** `"name":` */
  readonly key: string;
  readonly inOneof: boolean;
  readonly read: Read;
}

const LENGTH_DELIMITED = 2;
/** Messages within messages. Ours have five levels. */
const MAX_DEPTH = 16;

class Compiler {
  readonly #messages = new Map<DescMessage, Read | undefined>();

  field(field: DescField): Read | undefined {
    const tag = field.number * 8 + LENGTH_DELIMITED;
    const keepsEmpty = field.presence !== IMPLICIT || field.oneof !== undefined;
    switch (field.fieldKind) {
      case "message":
        return field.delimitedEncoding ? undefined : this.#nested(field.message, tag);
      case "list": {
        if (field.listKind === "message" && !field.delimitedEncoding) {
          const item = this.#nested(field.message, tag);
          return item && listOf(item);
        }
        return field.listKind === "scalar" && field.scalar === ScalarType.STRING
          ? listOf(textOf(tag, true))
          : undefined;
      }
      case "enum":
        return field.enum.open ? enumOf(field, keepsEmpty) : undefined;
      case "scalar":
        return scalarOf(field, tag, keepsEmpty);
      default:
        return undefined;
    }
  }

  #nested(schema: DescMessage, tag: number): Read | undefined {
    if (schema.typeName === TimestampSchema.typeName) return timeOf(tag);
    if (isWellKnown(schema)) return undefined;
    // Known before it is made: a message may hold itself.
    if (!this.#messages.has(schema)) {
      this.#messages.set(schema, (from) => this.#messages.get(schema)?.(from) ?? false);
      this.#messages.set(schema, this.#message(schema));
    }
    if (this.#messages.get(schema) === undefined) return undefined;
    let fields: Read | undefined;
    let room = 1;
    return (from) => {
      fields ??= this.#messages.get(schema) as Read;
      const guessed = room;
      const start = from.to.begin(tag, guessed);
      if (++from.depth > MAX_DEPTH || !fields(from)) return false;
      from.depth--;
      room = from.to.end(start, guessed);
      return true;
    };
  }

  #message(schema: DescMessage): Read | undefined {
    if (schema.oneofs.length > 1) return undefined;
    const steps: Step[][] = [];
    for (const field of fieldsInOrder(schema)) {
      const read = this.field(field);
      if (read === undefined) return undefined;
      const { jsonName, number: index, oneof } = field;
      const step = { index, key: `"${jsonName}":`, inOneof: oneof !== undefined, read };
      steps[jsonName.charCodeAt(0)] = [...(steps[jsonName.charCodeAt(0)] ?? []), step];
    }
    return objectOf(steps);
  }
}

/** @param steps by the first character of the name, which tells most of them apart */
function objectOf(steps: readonly (readonly Step[] | undefined)[]): Read {
  return (from) => {
    const { text } = from;
    if (text.charCodeAt(from.at++) !== OPEN_BRACE) return false;
    if (text.charCodeAt(from.at) === CLOSE_BRACE) {
      from.at++;
      return true;
    }
    let last = -1;
    let chosen = false;
    for (;;) {
      const step = stepAt(from, steps[text.charCodeAt(from.at + 1)]);
      // A name that is unknown, or comes out of order.
      if (step === undefined || step.index <= last || (step.inOneof && chosen)) return false;
      last = step.index;
      chosen ||= step.inOneof;
      from.at += step.key.length;
      if (!step.read(from)) return false;
      const next = text.charCodeAt(from.at++);
      if (next === CLOSE_BRACE) return true;
      if (next !== COMMA) return false;
    }
  };
}

function stepAt({ text, at }: Source, steps: readonly Step[] = []): Step | undefined {
  for (const step of steps) if (text.startsWith(step.key, at)) return step;
  return undefined;
}

function listOf(item: Read): Read {
  return (from) => {
    const { text } = from;
    if (text.charCodeAt(from.at++) !== OPEN_BRACKET) return false;
    if (text.charCodeAt(from.at) === CLOSE_BRACKET) {
      from.at++;
      return true;
    }
    while (item(from)) {
      const next = text.charCodeAt(from.at++);
      if (next === CLOSE_BRACKET) return true;
      if (next !== COMMA) return false;
    }
    return false;
  };
}

const COMMA = ",".charCodeAt(0);
const OPEN_BRACE = "{".charCodeAt(0);
const CLOSE_BRACE = "}".charCodeAt(0);
const OPEN_BRACKET = "[".charCodeAt(0);
const CLOSE_BRACKET = "]".charCodeAt(0);

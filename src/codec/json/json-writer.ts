// Writes messages as JSON, by plans compiled once for each message type. Same output as `toJson` in half the time.
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type Message,
  type Registry,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";
import { lazyText } from "../../domain/protobuf/lazy-field.ts";
import { fieldsInOrder, isTextMap, isWellKnown, type Unset, unsetOf } from "../field-presence.ts";
import { RawJson, RawJsonWriter } from "./raw-json.ts";
import { timestampJson } from "./timestamp-json.ts";

export interface JsonFormOptions {
  /** Whether fields without presence are written even if they hold their default. Default: false. */
  readonly alwaysEmitImplicit?: boolean;
  /** What `google.protobuf.Any` may hold. Messages are then left to `toJson`, for they may have extensions. */
  readonly registry?: Registry;
}

/**
 * The JSON form of a message, made of nothing that is the message's own but its Structs and maps. Throws what JSON
 * cannot say.
 */
export interface JsonForm {
  (schema: DescMessage, message: Message): JsonValue;
  /** The text of a form, in which fields that came as JSON text are that text. */
  stringify(json: JsonValue): string;
  /** Stands in a form for a JSON text that `stringify` copies. */
  raw(text: string): JsonValue;
}

// biome-ignore lint/suspicious/noExplicitAny: a field's descriptor fixes the type of its value
type Convert = (value: any) => JsonValue;

/** How one field is written. */
interface Step extends Unset {
  /** Where the value lies in the message. */
  readonly name: string;
  /** The name in JSON. */
  readonly key: string;
  /** Whether it may have come as JSON text. */
  readonly mayBeText: boolean;
  /** Undefined: the value is its own JSON form. */
  readonly convert: Convert | undefined;
}

export function createJsonForm(options: JsonFormOptions = {}): JsonForm {
  const { alwaysEmitImplicit = false, registry } = options;
  const converters = new Map<DescMessage, Convert>();
  const texts = new RawJsonWriter();

  function converterOf(schema: DescMessage): Convert {
    let convert = converters.get(schema);
    if (convert === undefined) {
      // Known before it is made: a message may hold itself.
      converters.set(schema, (message) => converterOf(schema)(message));
      convert = makeConverter(schema);
      converters.set(schema, convert);
    }
    return convert;
  }

  function makeConverter(schema: DescMessage): Convert {
    if (schema.typeName === "google.protobuf.Timestamp") return timestampJson;
    const steps = planOf(schema);
    // Whatever is unusual is left to the library.
    if (steps === undefined) return (message: Message) => toJson(schema, message, options);
    return compile(steps, (text) => texts.raw(text));
  }

  function planOf(schema: DescMessage): readonly Step[] | undefined {
    if (isWellKnown(schema) || registry !== undefined) return undefined;
    const steps: Step[] = [];
    for (const field of fieldsInOrder(schema)) {
      const step = stepOf(field);
      if (step === undefined) return undefined;
      steps.push(step);
    }
    return steps;
  }

  function stepOf(field: DescField): Step | undefined {
    const { localName: name, jsonName: key } = field;
    const unset = unsetOf(field, alwaysEmitImplicit);
    const convert = valueConverter(field);
    if (unset === undefined || convert === undefined || key === "__proto__") return undefined;
    const mayBeText = field.fieldKind === "list" && field.listKind === "message";
    return { ...unset, name, key, mayBeText, convert: convert === AS_IT_IS ? undefined : convert };
  }

  function valueConverter(field: DescField): Convert | undefined {
    switch (field.fieldKind) {
      case "scalar":
        return field.longAsString ? undefined : scalarConverter(field.scalar);
      case "enum":
        return enumConverter(field.enum);
      case "message":
        return messageConverter(field.message);
      case "list": {
        if (field.listKind === "scalar" && field.longAsString) return undefined;
        const convert =
          field.listKind === "scalar"
            ? scalarConverter(field.scalar)
            : field.listKind === "enum"
              ? enumConverter(field.enum)
              : messageConverter(field.message);
        return (
          convert &&
          ((items: readonly unknown[] | RawJson) =>
            (items instanceof RawJson ? items : items.map((item) => convert(item))) as JsonValue)
        );
      }
      // Its own JSON form.
      case "map":
        return isTextMap(field) ? AS_IT_IS : undefined;
      default:
        return undefined;
    }
  }

  function messageConverter(schema: DescMessage): Convert | undefined {
    // In a field, a Struct is the JSON that it stands for.
    if (schema.typeName === "google.protobuf.Struct") return checkedStruct;
    if (schema.typeName !== "google.protobuf.Timestamp" && isWellKnown(schema)) return undefined;
    let convert: Convert | undefined;
    return (message) => {
      // Made late: a message may hold itself.
      convert ??= converterOf(schema);
      return convert(message);
    };
  }

  const form = (schema: DescMessage, message: Message): JsonValue => converterOf(schema)(message);
  return Object.assign(form, {
    stringify: (json: JsonValue) => texts.stringify(json),
    raw: (text: string) => texts.raw(text),
  });
}

/**
 * A function that makes the object with all its names at once, undefined where nothing is written, which JSON.stringify
 * leaves out. V8 then knows every property by its place, and all objects of a type have one shape: one by one, with a
 * loop that looks each up by its name, they take several times as long. The only texts that come from elsewhere are
 * field names, and they are quoted.
 */
function compile(steps: readonly Step[], raw: (text: string) => JsonValue): Convert {
  const values = steps.map(({ name, mayBeText }, i) => {
    const quoted = JSON.stringify(name);
    if (!mayBeText) return `v${i} = m[${quoted}]`;
    return `t${i} = lazyText(m, ${quoted}), v${i} = t${i} === undefined ? m[${quoted}] : raw(t${i})`;
  });
  const properties = steps.map(({ key, isEmpty, convert }, i) => {
    const unset = isEmpty === undefined ? `v${i} === s${i}` : `v${i} === s${i} || e${i}(v${i})`;
    return `${JSON.stringify(key)}: ${unset} ? undefined : ${convert ? `c${i}(v${i})` : `v${i}`}`;
  });
  const parts = steps.map((_, i) => `{ skip: s${i}, isEmpty: e${i}, convert: c${i} }`);
  const body = `const [${parts.join(", ")}] = steps;
    return (m) => { ${values.length > 0 ? `const ${values.join(", ")};` : ""} return { ${properties.join(",\n")} }; };`;
  return new Function("steps", "lazyText", "raw", body)(steps, lazyText, raw) as Convert;
}

const SMALL = BigInt(2 ** 31 - 1);

const AS_IT_IS: Convert = (value) => value;

function scalarConverter(scalar: ScalarType): Convert {
  switch (scalar) {
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return integerText;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return (value: number) => (Number.isFinite(value) ? value : String(value));
    case ScalarType.BYTES:
      return (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
    default:
      return AS_IT_IS;
  }
}

/** Most are places in a log: as a small number, such a text is made in half the time. */
function integerText(value: bigint): string {
  return value >= 0n && value <= SMALL ? String(Number(value)) : String(value);
}

function enumConverter(desc: DescEnum): Convert | undefined {
  if (!desc.open || desc.typeName === "google.protobuf.NullValue") return undefined;
  const names: Record<number, string> = Object.fromEntries(
    desc.values.map(({ number, jsonName }) => [number, jsonName]),
  );
  return (value: number) => names[value] ?? value;
}

function checkedStruct(json: JsonObject): JsonObject {
  requireFinite(json);
  return json;
}

/** JSON.stringify would write null for them. */
function requireFinite(json: JsonValue): void {
  if (typeof json === "number") {
    if (!Number.isFinite(json)) throw new Error("a Struct cannot hold NaN or infinity");
  } else if (typeof json === "object" && json !== null) {
    for (const key in json) requireFinite((json as JsonObject)[key] as JsonValue);
  }
}

// Messages of one method from bytes and into them, with the limits and options of every wire.
import { type DescMessage, type DescMethod, fromBinary, type JsonValue, type Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { readLargeBinary } from "../../codec/binary/large-binary.ts";
import { mendJson, mendText } from "../../codec/binary/mended-text.ts";
import { createBinaryForm } from "../../codec/binary/protobuf-writer.ts";
import { misfitsOf } from "../../codec/json/json-misfits.ts";
import { jsonText, messageFromJson, parseJson, textOf } from "../../codec/json/json-reader.ts";
import { readJson } from "../../codec/json/json-values.ts";
import { createJsonForm } from "../../codec/json/json-writer.ts";
import { refuseInexactNumbers, shapeFaultOf } from "../../codec/json/walk/json-shape.ts";
import { LARGE_BODY, type LargeJson, readLargeJson } from "../../codec/json/walk/large-json.ts";
import { binaryWithKept, jsonWithKept } from "../../codec/kept.ts";
import { ShapeFault } from "../../codec/shape-fault.ts";
import { DomainError, ErrorReason, malformed, tooLarge } from "../../domain/errors.ts";
import { type KeptList, keptOf } from "../../domain/protobuf/kept-list.ts";
import { withImpliedMask } from "../../pipeline/call/implied-mask.ts";
import { invalid } from "../../pipeline/validation/validation.ts";
import { failureOf, failureOfShape } from "./fallback/errors.ts";

export type Encoding = "json" | "proto";

export interface Codec {
  /**
   * Throws MALFORMED_BODY, TOO_LARGE, or INVALID_FIELD. A large message is read piece by piece, while others have
   * turns.
   */
  decode(method: DescMethod, encoding: Encoding, bytes: Uint8Array): Message | Promise<Message>;
  /**
   * JSON as text, which is written into a socket faster than bytes, unless a part of it was kept as bytes. Throws
   * TOO_LARGE.
   */
  encode(method: DescMethod, encoding: Encoding, message: Message): string | Uint8Array;
}

export interface CodecLimits {
  readonly readMaxBytes: number;
  readonly writeMaxBytes: number;
  /** Methods whose requests may hold text that is not UTF-8, which is read with U+FFFD. Default: none. */
  readonly unchecked?: ReadonlySet<DescMethod>;
}

// Kept unknown fields cost 100 times their size in memory; in JSON they may be of a newer client.
const BINARY = { readUnknownFields: false };
const JSON_TEXT = { ignoreUnknownFields: true };
const LARGE_JSON: LargeJson = {
  ...JSON_TEXT,
  read: (schema, text) => readJson(schema, parsed(withImpliedMask(schema, text)), JSON_TEXT),
  explain: (error, { path, index, schema, text }) => {
    const names = path.map(({ name }) => name).join(".");
    return misfitOf(schema, text, names === "" ? "" : `${names}[${index}]`) ?? error;
  },
};

/** Which value of a JSON message does not fit, or which name stands twice. Undefined: neither. */
function misfitOf(schema: DescMessage, text: string, place = ""): DomainError | undefined {
  let json: JsonValue;
  try {
    json = parseJson(text);
  } catch {
    return undefined;
  }
  const misfits = misfitsOf(schema, json, JSON_TEXT, place);
  const [first] = misfits;
  if (first === undefined) return twiceNamed(schema, text);
  return first.field === "" ? malformed(first.description) : invalid(misfits);
}

function misfitIn(schema: DescMessage, bytes: Uint8Array): DomainError | undefined {
  try {
    return misfitOf(schema, jsonText.decode(bytes));
  } catch {
    // What it is refused for already.
    return undefined;
  }
}

function twiceNamed(schema: DescMessage, text: string): DomainError | undefined {
  const fault = shapeFaultOf(schema, text, JSON_TEXT);
  return fault && failureOfShape(fault);
}

function parsed(text: string): JsonValue {
  try {
    return parseJson(text);
  } catch {
    // The parser's own words quote the text.
    throw malformed("the body must be JSON");
  }
}

export function createCodec({ readMaxBytes, writeMaxBytes, unchecked }: CodecLimits): Codec {
  const jsonOf = createJsonForm();
  const binaryOf = createBinaryForm();

  const binary = (output: DescMessage, message: Message, kept: KeptList | undefined) =>
    kept === undefined ? binaryOf(output, message) : binaryWithKept(binaryOf, output, message, kept);
  const json = (output: DescMessage, message: Message, kept: KeptList | undefined) => {
    const form = jsonOf(output, message);
    return kept === undefined ? jsonOf.stringify(form) : jsonWithKept(jsonOf, form, kept);
  };

  async function decodeLarge(input: DescMessage, encoding: Encoding, bytes: Uint8Array): Promise<Message> {
    try {
      return await (encoding === "proto"
        ? readLargeBinary(input, bytes)
        : readLargeJson(input, textOf(bytes), LARGE_JSON));
    } catch (error) {
      if (error instanceof ShapeFault) throw failureOfShape(error);
      throw error instanceof DomainError ? error : failureOf(described(error, encoding), readMaxBytes);
    }
  }

  return {
    decode(method, encoding, sent) {
      const { input } = method;
      if (sent.byteLength > readMaxBytes) throw tooLarge(readMaxBytes);
      const bytes = unchecked?.has(method) === true ? mended(input, encoding, sent) : sent;
      if (bytes.byteLength > LARGE_BODY) return decodeLarge(input, encoding, bytes);
      try {
        if (encoding === "proto") return fromBinary(input, bytes, BINARY);
        const text = jsonText.decode(bytes);
        const message = messageFromJson(input, withImpliedMask(input, text), JSON_TEXT);
        refuseInexactNumbers(input, text, JSON_TEXT);
        return message;
      } catch (error) {
        if (error instanceof ShapeFault) throw failureOfShape(error);
        const misfit = encoding === "json" ? misfitIn(input, bytes) : undefined;
        throw misfit ?? failureOf(described(error, encoding), readMaxBytes);
      }
    },
    encode({ output }, encoding, message) {
      const kept = keptOf(message);
      const body = encoding === "proto" ? binary(output, message, kept) : json(output, message, kept);
      // Most are so short that their bytes need not be counted.
      if (3 * body.length > writeMaxBytes && lengthOf(body) > writeMaxBytes) {
        throw new DomainError(ErrorReason.TOO_LARGE, "the response is too large to send; ask for less");
      }
      return body;
    },
  };
}

/** Anything that is not a message stays as it is, and decoding refuses it. */
function mended(input: DescMessage, encoding: Encoding, bytes: Uint8Array): Uint8Array {
  try {
    return encoding === "proto" ? mendText(input, bytes) : mendJson(bytes);
  } catch {
    return bytes;
  }
}

export function lengthOf(body: string | Uint8Array): number {
  return typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
}

/** The failure with the text of Connect's own code, so that both paths report it alike. */
function described(error: unknown, encoding: Encoding): ConnectError {
  const message = error instanceof Error ? error.message : String(error);
  return encoding === "proto"
    ? new ConnectError(`parse binary: ${message}`, Code.Internal)
    : ConnectError.from(error, Code.InvalidArgument);
}

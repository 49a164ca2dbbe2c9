// Messages whose texts are not UTF-8, for services that report the faults of a request themselves.
import { isUtf8 } from "node:buffer";
import { type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** What lies deeper is left as it is. */
const MAX_DEPTH = 100;

/**
 * A Protobuf message with U+FFFD in the place of each sequence that is not UTF-8, in texts that stand alone or in a
 * list; maps and the rest stay as they are. Throws if the bytes are not a message.
 */
export function mendText(schema: DescMessage, bytes: Uint8Array, depth = 0): Uint8Array {
  const reader = new BinaryReader(bytes);
  const writer = new BinaryWriter();
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType !== WireType.LengthDelimited) {
      writer.tag(number, wireType).raw(reader.skip(wireType, number));
      continue;
    }
    const value = reader.bytes();
    const field = schema.fields.find((one) => one.number === number);
    const isMessage = field?.fieldKind === "message" || field?.fieldKind === "list";
    const inner = isMessage && depth < MAX_DEPTH ? field.message : undefined;
    const isText = field !== undefined && "scalar" in field && field.scalar === ScalarType.STRING;
    writer.tag(number, wireType);
    if (inner !== undefined) writer.bytes(mendText(inner, value, depth + 1));
    else if (isText && field.fieldKind !== "map" && !isUtf8(value)) writer.string(replaced(value));
    else writer.bytes(value);
  }
  return writer.finish();
}

/** The same for JSON. */
export function mendJson(bytes: Uint8Array): Uint8Array {
  return isUtf8(bytes) ? bytes : Buffer.from(replaced(bytes));
}

function replaced(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

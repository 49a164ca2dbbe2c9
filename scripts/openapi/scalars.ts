// The JSON Schema of scalars and of the well-known types, as the Protobuf JSON mapping writes them.
import { type DescMessage, ScalarType } from "@bufbuild/protobuf";
import type { Schema } from "../../src/protocols/rest/docs/openapi-types.ts";

/** @param scalar 64-bit integers are strings, bytes are base64. */
export function scalarSchema(scalar: ScalarType): Schema {
  switch (scalar) {
    case ScalarType.BOOL:
      return { type: "boolean" };
    case ScalarType.STRING:
      return { type: "string" };
    case ScalarType.BYTES:
      return { type: "string", contentEncoding: "base64" };
    case ScalarType.FLOAT:
      return { type: "number", format: "float" };
    case ScalarType.DOUBLE:
      return { type: "number", format: "double" };
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return { type: "integer", format: "uint32", minimum: 0, maximum: 4_294_967_295 };
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return { type: "integer", format: "int32", minimum: -2_147_483_648, maximum: 2_147_483_647 };
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return { type: "string", format: "uint64", pattern: "^[0-9]+$" };
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return { type: "string", format: "int64", pattern: "^-?[0-9]+$" };
  }
}

/** The keys of a map: JSON has only strings there. */
export function keySchema(scalar: ScalarType): Schema {
  switch (scalarSchema(scalar).type) {
    case "boolean":
      return { type: "string", enum: ["true", "false"] };
    case "integer":
      return { type: "string", pattern: "^-?[0-9]+$" };
    default:
      return scalarSchema(scalar);
  }
}

/** The schema of a well-known type, or undefined if the message is none. */
export function wellKnownSchema(message: DescMessage): Schema | undefined {
  switch (message.typeName) {
    case "google.protobuf.Timestamp":
      return { type: "string", format: "date-time" };
    case "google.protobuf.Duration":
      return { type: "string", pattern: "^-?[0-9]+(\\.[0-9]{1,9})?s$" };
    case "google.protobuf.FieldMask":
      return { type: "string", pattern: "^([a-zA-Z0-9.*]+(,[a-zA-Z0-9.*]+)*)?$" };
    case "google.protobuf.Empty":
      return { type: "object", additionalProperties: false };
    case "google.protobuf.Struct":
      return { type: "object", additionalProperties: true };
    case "google.protobuf.Value":
      return { type: ["array", "boolean", "null", "number", "object", "string"], items: {} };
    case "google.protobuf.ListValue":
      return { type: "array", items: {} };
    case "google.protobuf.Any":
      return {
        type: "object",
        properties: { "@type": { type: "string", description: "The type of the value, as a URL." } },
        required: ["@type"],
        additionalProperties: true,
      };
    default:
      return wrapped(message);
  }
}

function wrapped(message: DescMessage): Schema | undefined {
  if (!/^google\.protobuf\.(Bool|Bytes|Double|Float|U?Int32|U?Int64|String)Value$/.test(message.typeName)) {
    return undefined;
  }
  const scalar = message.fields[0]?.scalar;
  return scalar === undefined ? undefined : scalarSchema(scalar);
}

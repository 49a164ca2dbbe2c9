// The values that a scalar field takes, in words.
import { ScalarType } from "@bufbuild/protobuf";

/** To follow "must be". */
export function scalarInWords(scalar: ScalarType): string {
  switch (scalar) {
    case ScalarType.STRING:
      return "a string";
    case ScalarType.BOOL:
      return "true or false";
    case ScalarType.BYTES:
      return "a string of base64";
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return "a number";
    default:
      return `an integer that ${ScalarType[scalar].toLowerCase()} can hold`;
  }
}

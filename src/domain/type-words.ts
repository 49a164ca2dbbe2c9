// The values that a field takes, in words.
import { type DescEnum, ScalarType } from "@bufbuild/protobuf";

/** Maximum number of an enum's values that an error lists. */
const MAX_NAMED_VALUES = 10;

/** The values that an enum takes, without the one that stands for none. To follow "must be". */
export function enumInWords({ name, values }: DescEnum): string {
  const named = values.filter(({ number }) => number !== 0).map((value) => value.name);
  return named.length > MAX_NAMED_VALUES ? `a value of ${name}` : `one of ${named.join(", ")}`;
}

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

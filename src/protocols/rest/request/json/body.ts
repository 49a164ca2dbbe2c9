// The text of a JSON body, and its value.
import { isUtf8 } from "node:buffer";
import type { JsonValue } from "@bufbuild/protobuf";
import { boundsFault, parseFault, parseJson } from "../../../../codec/json/json-reader.ts";
import { RestProblem } from "../../binding/problem.ts";

/**
 * The text of a JSON body. A byte order mark is dropped (RFC 8259 §8.1 lets us). Throws a {@link RestProblem}.
 *
 * @param bounded whether its bounds are checked here; who reads a large text checks them anyway
 */
export function readText(bytes: Buffer, bounded = true): string {
  if (!isUtf8(bytes)) throw new RestProblem("malformed", "the body must be UTF-8");
  const text = bytes.toString("utf8");
  const fault = bounded ? boundsFault(text) : undefined;
  if (fault !== undefined) throw new RestProblem("malformed", fault);
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** Throws a {@link RestProblem} that says where it breaks. */
export function parse(text: string): JsonValue {
  try {
    return parseJson(text);
  } catch (error) {
    throw new RestProblem("malformed", parseFault(error));
  }
}

// The text of a JSON body, and its value.
import { isUtf8 } from "node:buffer";
import type { JsonValue } from "@bufbuild/protobuf";
import { isTooDeep, MAX_JSON_DEPTH, parseJson } from "../../../../codec/json-reader.ts";
import { RestProblem } from "../../binding/problem.ts";

/**
 * The text of a JSON body. A byte order mark is dropped (RFC 8259 §8.1 lets us). Throws a {@link RestProblem}.
 *
 * @param shallow whether nesting is looked at here; who reads a large text looks at it anyway
 */
export function readText(bytes: Buffer, shallow = true): string {
  if (!isUtf8(bytes)) throw new RestProblem("malformed", "the body must be UTF-8");
  const text = bytes.toString("utf8");
  if (shallow && isTooDeep(text))
    throw new RestProblem("malformed", `the body must be nested at most ${MAX_JSON_DEPTH} levels deep`);
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** Throws a {@link RestProblem} that says where it breaks. */
export function parse(text: string): JsonValue {
  try {
    return parseJson(text);
  } catch (error) {
    // V8 quotes the input in its message: only the place may be told.
    const at = error instanceof SyntaxError ? /at position \d+/.exec(error.message)?.[0] : undefined;
    throw new RestProblem("malformed", `the body must be JSON${at === undefined ? "" : `: it breaks ${at}`}`);
  }
}

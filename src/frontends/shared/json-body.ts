// JSON bodies whose shape a library checks: bounded before they are parsed, for parsing and checking take time for each value.
import { isTooDeep, MAX_JSON_DEPTH, parseJson, textOf } from "../../codec/json-reader.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { endOfString } from "../../domain/json.ts";

/** Maximum number of values of a body, unless a front end says otherwise. */
export const MAX_VALUES = 20_000;

/** Throws MALFORMED_BODY for what is not UTF-8 or JSON, is nested too deep, or holds more than `maxValues` values. */
export function readJsonBody(bytes: Uint8Array, maxValues: number = MAX_VALUES): unknown {
  const text = textOf(bytes);
  if (isTooDeep(text)) throw malformed(`must be nested at most ${MAX_JSON_DEPTH} levels deep`);
  if (holdsTooMuch(text, maxValues)) throw malformed(`must hold at most ${maxValues} values`);
  try {
    return parseJson(text);
  } catch (error) {
    // V8 quotes the input in its message: only the place may be told.
    const at = error instanceof SyntaxError ? /at position \d+/.exec(error.message)?.[0] : undefined;
    throw malformed(`must be JSON${at === undefined ? "" : `: it breaks ${at}`}`);
  }
}

function holdsTooMuch(text: string, maxValues: number): boolean {
  if (text.length <= maxValues) return false;
  let commas = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = endOfString(text, at);
    else if (code === 0x2c && ++commas > maxValues) return true;
  }
  return false;
}

function malformed(rule: string): DomainError {
  return new DomainError(ErrorReason.MALFORMED_BODY, `the body ${rule}`);
}

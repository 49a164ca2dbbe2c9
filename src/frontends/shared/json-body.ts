// JSON bodies whose shape a library checks: bounded before they are parsed, for parsing and checking take time for each value.
import { boundsFault, parseFault, parseJson, textOf } from "../../codec/json/json-reader.ts";
import { malformed } from "../../domain/errors.ts";

/** Throws MALFORMED_BODY for what is not UTF-8 or JSON, is nested too deep, or holds more than `maxValues` values, by default 20,000. */
export function readJsonBody(bytes: Uint8Array, maxValues?: number): unknown {
  const text = textOf(bytes);
  const fault = boundsFault(text, maxValues);
  if (fault !== undefined) throw malformed(fault);
  try {
    return parseJson(text);
  } catch (error) {
    throw malformed(parseFault(error));
  }
}

// JSON bodies whose shape a library checks: bounded before they are parsed, for parsing and checking take time for each
// value.
import { mayHoldFault, numberFault } from "../../codec/json/json-number.ts";
import { boundsFault, parseFault, textOf } from "../../codec/json/json-reader.ts";
import { MAX_LITERAL } from "../../codec/json/walk/json-scanner.ts";
import { parseInTurns } from "../../codec/json/walk/parse-in-turns.ts";
import { malformed } from "../../domain/errors.ts";
import { endOfString } from "../../domain/json.ts";
import { Turns } from "../../pipeline/streams/time-slices.ts";

/**
 * Throws MALFORMED_BODY for what is not UTF-8 or JSON, is nested too deep, or holds more than `maxValues` values, by
 * default 20,000, or a number that parsing would change. Of a large one each step has a turn of the loop.
 */
export async function readJsonBody(bytes: Uint8Array, maxValues?: number): Promise<unknown> {
  const turns = new Turns();
  const text = textOf(bytes);
  await turns.next();
  const fault = boundsFault(text, maxValues);
  if (fault !== undefined) throw malformed(fault);
  await turns.next();
  refuseChangedNumbers(text);
  await turns.next();
  const json = await parsed(text);
  // Who checks its shape has a turn of its own.
  await turns.next();
  return json;
}

async function parsed(text: string): Promise<unknown> {
  try {
    return await parseInTurns(text);
  } catch (error) {
    throw malformed(parseFault(error));
  }
}

const LITERAL = new RegExp(`[-+.\\deE]{1,${MAX_LITERAL + 1}}`, "y");

/** A number that a double cannot hold would be kept as another one, or break what is written from it. */
function refuseChangedNumbers(text: string): void {
  if (!mayHoldFault(text)) return;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = endOfString(text, at);
    else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
      LITERAL.lastIndex = at;
      const [literal = ""] = LITERAL.exec(text) ?? [];
      if (literal.length > MAX_LITERAL) throw malformed(`a number must have at most ${MAX_LITERAL} characters`);
      const fault = numberFault(literal, true);
      if (fault !== undefined) throw malformed(`the body ${fault[1]}; it does not at position ${at}`);
      at += literal.length - 1;
    }
  }
}

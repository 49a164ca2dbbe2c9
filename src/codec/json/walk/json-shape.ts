// Checks a JSON body before it is parsed: its size, and where the items of its lists of messages are.
import type { DescMessage } from "@bufbuild/protobuf";
import { Turns } from "../../../pipeline/streams/time-slices.ts";
import { ShapeFault } from "../../shape-fault.ts";
import { mayHoldFault } from "../json-number.ts";
import type { ShapeOptions } from "./json-kinds.ts";
import { type JsonShape, JsonWalk } from "./json-walk.ts";

/** So many values are scanned at once: about a millisecond. */
const SLICE = 4_000;

/**
 * Throws a {@link ShapeFault} as soon as the text holds too much: items of a list, values, characters of a string,
 * levels, or a name twice. Undefined: it is not JSON. Other work runs between slices of the text.
 */
export async function jsonShape(
  schema: DescMessage,
  text: string,
  options: ShapeOptions,
): Promise<JsonShape | undefined> {
  const walk = new JsonWalk(schema, text, options);
  const turns = new Turns();
  while (!walk.step(SLICE)) await turns.next();
  return walk.isJson ? walk : undefined;
}

/** What {@link jsonShape} throws, if it does. */
export function shapeFaultOf(schema: DescMessage, text: string, options: ShapeOptions): ShapeFault | undefined {
  try {
    new JsonWalk(schema, text, options).step(Number.POSITIVE_INFINITY);
  } catch (error) {
    if (error instanceof ShapeFault) return error;
    throw error;
  }
  return undefined;
}

/** Throws what {@link jsonShape} does, of texts that may hold a number that would become another one. */
export function refuseInexactNumbers(schema: DescMessage, text: string, options: ShapeOptions): void {
  if (mayHoldFault(text)) new JsonWalk(schema, text, options).step(Number.POSITIVE_INFINITY);
}

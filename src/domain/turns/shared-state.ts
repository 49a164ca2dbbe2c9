// The state that agents and front ends share in a conversation, and how an agent changes it: by data parts.
import { setImmediate } from "node:timers/promises";
import { applyPatch } from "rfc6902";
import type { DataPart, Part } from "../../../gen/colloquy/v1/part_pb.ts";
import { jsonFault } from "../parts/json-text.ts";

/** A data part with this name is the new state. */
export const STATE = "state";
/** A data part with this name is a JSON Patch (RFC 6902) for it. */
export const STATE_DELTA = "state-delta";

export const MAX_STATE_BYTES = 256 * 1024;
/** The part as a change of the state; undefined: it is none. */
export function stateChangeIn({ content }: Part): DataPart | undefined {
  if (content.case !== "data") return undefined;
  return content.value.name === STATE || content.value.name === STATE_DELTA ? content.value : undefined;
}

/** The state after some changes, JSON as text; empty: none. A change that does not fit is left out. */
export async function afterChanges(text: string, changes: readonly DataPart[]): Promise<string> {
  let state = text;
  for (const change of changes) {
    state = afterChange(state, change) ?? state;
    // Each reads and writes the whole state.
    if (state.length > LARGE) await setImmediate();
  }
  return state;
}

const LARGE = 16 * 1024;

/** Undefined: it does not fit, or the state would be too large. */
function afterChange(text: string, { name, json = "null" }: DataPart): string | undefined {
  const after = name === STATE ? json : patched(text, json);
  if (after === undefined || Buffer.byteLength(after) > MAX_STATE_BYTES) return undefined;
  return jsonFault(after) === undefined ? after : undefined;
}

function patched(text: string, json: string): string | undefined {
  const operations = patchIn(json);
  if (operations === undefined) return undefined;
  // Below a member, so that a patch may replace the whole as well.
  const root = { "": text === "" ? {} : (JSON.parse(text) as unknown) };
  const below = operations.map(({ path, from, ...rest }) => ({
    ...rest,
    path: `/${path}`,
    ...(from !== undefined && { from: `/${from}` }),
  }));
  for (const operation of below) {
    try {
      if (applyPatch(root, [operation] as never)[0] !== null) return undefined;
    } catch {
      return undefined;
    }
  }
  return JSON.stringify(root[""] ?? null);
}

interface Operation {
  readonly op: unknown;
  readonly path: string;
  readonly from?: string;
}

/** Each operation may move all members of a list. */
const MAX_OPERATIONS = 1_000;
/** Copies of copies double the state. */
const MAX_COPIES = 8;
/** What no member of a state is called, for it would be one of all objects. */
const SHARED = /\/(?:__proto__|constructor|prototype)(?:\/|$)/;

/** The operations of a JSON Patch; undefined: it is none, or more than a patch may be. */
export function patchIn(json: string): readonly Operation[] | undefined {
  const operations: unknown = JSON.parse(json);
  if (!Array.isArray(operations) || operations.length > MAX_OPERATIONS || !operations.every(isOperation))
    return undefined;
  return operations.filter(({ op }) => op === "copy").length > MAX_COPIES ? undefined : operations;
}

function isOperation(value: unknown): value is Operation {
  if (typeof value !== "object" || value === null) return false;
  const { path, from } = value as { path?: unknown; from?: unknown };
  return [path, from ?? ""].every((pointer) => typeof pointer === "string" && !SHARED.test(pointer));
}

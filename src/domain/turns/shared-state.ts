// The state that agents and front ends share in a conversation, and how an agent changes it: by data parts.
import type { DataPart, Part } from "../../../gen/colloquy/v1/part_pb.ts";
import { jsonFault } from "../parts/json-text.ts";
import { type Operation, PatchBudget, PatchedValue } from "./json-patch.ts";

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

/** What the patches that are applied together may cost: thirty-two copies of the largest state. */
const MAX_WORK_BYTES = 32 * MAX_STATE_BYTES;

/**
 * The state after some changes, JSON as text; empty: none. A change that does not fit is left out, and so is one that
 * costs too much.
 *
 * @param pause called between steps of the work, to let others have their turn
 */
export async function afterChanges(
  text: string,
  changes: readonly DataPart[],
  pause: () => Promise<void>,
): Promise<string> {
  return (await applyChanges(text, changes, pause)).state;
}

/** The same, and whether no change was left out; one that is no change at all does not count. */
export async function applyChanges(
  text: string,
  changes: readonly DataPart[],
  pause: () => Promise<void>,
): Promise<{ readonly state: string; readonly isWhole: boolean }> {
  const budget = new PatchBudget(MAX_WORK_BYTES);
  let state = text;
  // The state since it was last replaced as a whole: it is read and written once, however many patches there are.
  let patched: PatchedValue | undefined;
  let isPatched = false;
  let isWhole = true;
  for (const { name, json = "null" } of changes) {
    await pause();
    if (name === STATE) {
      if (Buffer.byteLength(json) > MAX_STATE_BYTES || jsonFault(json) !== undefined) {
        isWhole = false;
        continue;
      }
      state = json;
      patched = undefined;
      isPatched = false;
      continue;
    }
    const operations = patchIn(json);
    if (operations === undefined) continue;
    patched ??= new PatchedValue(state || "{}", MAX_STATE_BYTES, budget);
    budget.earn(json.length);
    if (await patched.apply(operations, pause)) isPatched = true;
    else isWhole = false;
  }
  return { state: patched !== undefined && isPatched ? patched.text() : state, isWhole };
}

/** Each operation may move all members of a list. */
const MAX_OPERATIONS = 1_000;
/** Front ends get the patch as well, and their copies of copies double the state. */
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

// Pairs calls with their results: an agent gets both, or neither.
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { ToolPlace, ToolType } from "../../../gen/colloquy/v1/part_pb.ts";
import { readParts } from "../parts/stored.ts";
import { failedResult, type TurnEntry } from "./turn-entry.ts";

export interface Row {
  readonly id: string;
  readonly kind: MessageKind | null;
  readonly parts: string | null;
}

/**
 * Entries with a result for each call, and without results whose call is not among them. A call that nobody has
 * answered gets a result that says so, after it, or after the calls that follow it at once. Not so a call of a
 * provider's tool: most have their result in themselves, and no other can be made up that the provider would take.
 *
 * @param toRow makes a row of the result of a call that has none
 */
export function pairCalls<R extends Row>(rows: readonly R[], toRow: (entry: TurnEntry, call: R) => R): R[] {
  if (!rows.some(({ kind }) => kind === MessageKind.TOOL_CALL || kind === MessageKind.TOOL_RESULT)) return [...rows];
  const results = new Set(rows.filter(({ kind }) => kind === MessageKind.TOOL_RESULT).flatMap(idsIn));
  const called = new Set<string>();
  const paired: R[] = [];
  let missing: R[] = [];
  for (const row of rows) {
    if (row.kind !== MessageKind.TOOL_CALL) {
      paired.push(...missing);
      missing = [];
    }
    const ids = row.kind === MessageKind.TOOL_CALL || row.kind === MessageKind.TOOL_RESULT ? idsIn(row) : [];
    if (row.kind === MessageKind.TOOL_RESULT && !ids.some((id) => called.has(id))) continue;
    paired.push(row);
    if (row.kind !== MessageKind.TOOL_CALL) continue;
    for (const id of ids) {
      called.add(id);
      if (!results.has(id) && !isProviders(row))
        missing.push(toRow(failedResult({ id: row.id, step: 1 }, id, "not answered"), row));
    }
  }
  return [...paired, ...missing];
}

function isProviders({ parts }: Row): boolean {
  return readParts(parts).some(
    ({ content }) =>
      content.case === "toolCall" &&
      (content.value.type === ToolType.BUILT_IN || content.value.runsAt === ToolPlace.PROVIDER),
  );
}

/** The ids of the calls or results of an entry. */
function idsIn({ parts }: Row): string[] {
  return readParts(parts).flatMap(({ content }) =>
    content.case === "toolCall" || content.case === "toolResult" ? [content.value.callId ?? ""] : [],
  );
}

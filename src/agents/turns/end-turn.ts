// Ends turns that no server runs: what was saved of them is kept, and calls without a result get one that says why.
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { newId } from "../../domain/ids/id.ts";
import { LOST_DELTAS } from "../../domain/turns/delta-log.ts";
import { noResult } from "../../domain/turns/open-calls.ts";
import { awaitsInput, readPending } from "../../domain/turns/pending-call.ts";
import { brokenEntry, readHead } from "../../domain/turns/reply-item.ts";
import { codePoints } from "../../domain/turns/reply-text.ts";
import { FinishReason, TurnState } from "../../domain/turns/turn.ts";
import { failedResult } from "../../domain/turns/turn-entry.ts";
import type { Database } from "../../store/database.ts";
import { tokenColumnsOf } from "../../store/turns/columns.ts";
import { type Addition, finishTurn, readOpenTurn, type SavedTurnRow } from "../../store/turns/entries.ts";
import { endTurn, stopOfWaiting, type TurnEnding, type TurnPlace, type TurnRow } from "../../store/turns/turns.ts";
import { SEPARATOR } from "./turn-source.ts";
import { writeEnd } from "./write-end.ts";

const ATTEMPTS = 3;

/**
 * Ends a turn whose lease is over: its server is gone, or nobody has answered it. Undefined: it has ended, or goes on.
 */
export function endExpired(database: Database, place: TurnPlace): Promise<TurnRow | undefined> {
  return endUnowned(database, place, ({ state }) => ({
    state: TurnState.FAILED,
    failure:
      state === TurnState.INPUT_REQUIRED
        ? "nobody answered the agent's calls in time"
        : "the server that ran the turn is gone",
    finish: FinishReason.ERROR,
    onlyIfExpired: true,
  }));
}

/** Ends a turn that nobody runs, with the text that was saved. Undefined: it has ended. */
export function endCancelled(database: Database, place: TurnPlace): Promise<TurnRow | undefined> {
  return endUnowned(database, place, () => ({
    state: TurnState.CANCELLED,
    failure: "",
    finish: FinishReason.CANCELLED,
  }));
}

/** Ends a turn that waits for input and has lost its purpose. Undefined: it has not, or does not wait. */
export async function endUnwanted(database: Database, place: TurnPlace): Promise<TurnRow | undefined> {
  const failure = await stopOfWaiting(database, place);
  if (failure === undefined) return undefined;
  return await endUnowned(database, place, ({ state }) =>
    state === TurnState.INPUT_REQUIRED
      ? { state: TurnState.CANCELLED, failure, finish: FinishReason.CANCELLED }
      : undefined,
  );
}

/** @param endingOf how it ends; undefined: it does not */
async function endUnowned(
  database: Database,
  place: TurnPlace,
  endingOf: (row: SavedTurnRow) => TurnEnding | undefined,
): Promise<TurnRow | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const row = await readOpenTurn(database, place);
    if (row === undefined) return undefined;
    const ending = endingOf(row);
    if (ending === undefined) return undefined;
    const isPlain = row.entry_count === 0 && row.open_entry === null && row.pending === null;
    const isLost = row.state === TurnState.RUNNING;
    const deltas = isLost ? { deltas: LOST_DELTAS } : {};
    const ended = await writeEnd(database, place, row.discards, ending, (on) =>
      isPlain
        ? endTurn(on, place, { ...ending, text: undefined, ...deltas })
        : finishTurn(on, place, ending, { ...lastEntries(row, ending), ...deltas }),
    );
    // No row: it has grown meanwhile, or its server is alive after all.
    if (ended !== undefined) return ended;
  }
  return undefined;
}

function lastEntries(row: SavedTurnRow, { failure }: TurnEnding): Addition {
  const { reply_id: replyId, step, text } = row;
  const head =
    row.open_entry === null
      ? { id: row.reply_seq === null ? replyId : newId(), kind: MessageKind.MESSAGE, step }
      : readHead(row.open_entry);
  const broken = brokenEntry(head, text);
  const waits = row.state === TurnState.INPUT_REQUIRED;
  // Whoever asked brings the results of some with the next turn.
  const open = readPending(row.pending).filter(({ needs }) => !(row.ends_with_calls && needs === "result"));
  const results = open.map((call) => {
    const why = failure || "the turn was cancelled";
    // Nobody knows how far a server came that is gone.
    const said = waits && awaitsInput(call) ? "not answered" : noResult(why, !waits && call.needs === "run");
    return failedResult({ id: newId(), step }, call.callId, said);
  });
  return {
    expected: row.entry_count,
    entries: [...(broken ? [broken] : []), ...results],
    step,
    said: row.said + (broken?.kind === MessageKind.MESSAGE ? codePoints(text) + SEPARATOR.length : 0),
    usage: tokenColumnsOf(row),
  };
}

// The statements that read an open turn.
import type { Statement } from "../database.ts";
import { isOpen, type TurnRow, turnColumns } from "./columns.ts";

/** A turn with what is saved of its open entry. */
export interface SavedTurnRow extends TurnRow {
  readonly text: string;
  readonly open_entry: string | null;
  readonly tools: string | null;
  readonly server: string;
  readonly options: string | null;
  /** The lengths of its deltas; null: they are not recorded. */
  readonly deltas: string | null;
}

const savedColumns = `${turnColumns}, t.text, t.open_entry, t.tools, t.server, t.options, t.deltas`;

const savedTurn = (columns: string) => `
  select ${columns}
  from turn t where t.tenant_id = $1 and t.id = $2::uuid and ${isOpen}`;

/** An open turn. $1 tenant, $2 id. */
export const readOpenTurn: Statement<SavedTurnRow> = { name: "turn_read_open", text: savedTurn(savedColumns) };

/** With the bytes of its entries. */
export interface LockedTurnRow extends SavedTurnRow {
  readonly bytes: number;
  /** Of a turn that waits for input: for how long yet, in milliseconds; null: it does not wait. */
  readonly wait_left: number | null;
}

/** The length of a text is known without reading it, also of one that is stored compressed. */
const entryBytes = `(
    select coalesce(sum(octet_length(coalesce(m.parts, m.content))), 0)::integer from message m
    where m.tenant_id = $1 and m.conversation_id = t.conversation_id and m.seq between t.first_seq and t.last_seq
      and m.turn_id = t.id
  ) as bytes`;

const waitLeft =
  "case when t.state = 6 then ceil(extract(epoch from t.lease_time - clock_timestamp()) * 1000)::integer end as wait_left";

/** The same, locked until the transaction ends; its conversation is locked before, so that no entry is added. */
export const lockOpenTurn: Statement<LockedTurnRow> = {
  name: "turn_lock_open",
  text: `${savedTurn(`${savedColumns}, ${entryBytes}, ${waitLeft}`)} for update of t`,
};

// The data to save of a turn that runs here: its items, and the rest of its row.
import type { ReplyItems } from "../../domain/turns/reply-items.ts";
import type { TokenColumns } from "../../domain/turns/token-count.ts";
import type { TurnPlace } from "../../store/turns/turns.ts";

/** What the writer writes. */
export interface TurnSource {
  readonly place: TurnPlace;
  readonly agentId: string;
  readonly reply: ReplyItems;
  /** How many entries the turn had when this server took it up, and the code points of their text. */
  readonly base: number;
  readonly said: number;
  /** The id that the turn's row has for its first message. */
  readonly replyId: string;
  /** Whether the entries are deleted if the turn fails. */
  readonly discards: boolean;
  /** The lengths of the deltas that it had; null: they are not recorded. */
  readonly deltas: string | null;
  readonly usage: () => TokenColumns;
  /** The calls without a result, as the row keeps them. */
  readonly pending: () => string | null;
  /** Called with the reason of `saveTurn` if the turn must stop; undefined: another server has ended it. */
  readonly onStop: (reason: string | undefined) => void;
  /** Called when entries are stored. */
  readonly onStored: () => void;
}

/** Between two messages of one reply. */
export const SEPARATOR = "\n\n";

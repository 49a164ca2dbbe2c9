// The position of a reader in a turn's entries.

export interface TurnCursor {
  /** How many entries it has to their end. */
  readonly entries: number;
  /** The number of the last of them in the log; 0: none. */
  readonly seq: bigint;
  /** How much it has of the next one; undefined: not its beginning. */
  readonly within: { readonly offset: number; readonly parts: number } | undefined;
}

export const BEGINNING: TurnCursor = { entries: 0, seq: 0n, within: undefined };

export function cursorText({ entries, seq, within }: TurnCursor): string {
  return `e${entries}.${seq}${within ? `.${within.offset}.${within.parts}` : ""}`;
}

const FORM = /^e(\d{1,4})\.(\d{1,18})(?:\.(\d{1,9})\.(\d{1,4}))?$/;

/** Undefined: the text is not a cursor. */
export function readCursor(text: string): TurnCursor | undefined {
  const [match, entries, seq, offset, parts] = FORM.exec(text) ?? [];
  if (match === undefined) return undefined;
  const within = offset === undefined ? undefined : { offset: Number(offset), parts: Number(parts) };
  return { entries: Number(entries), seq: BigInt(seq ?? 0), within };
}

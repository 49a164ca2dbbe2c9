// Splits a snippet where its highlights begin and end.

export interface Piece {
  readonly piece: string;
  /** In code points. */
  readonly start: number;
  readonly isMatch: boolean;
}

/** @param ranges in code points, as SearchMessages returns them */
export function highlighted(snippet: string, ranges: readonly { start: number; length: number }[]): Piece[] {
  const points = Array.from(snippet);
  const pieces: Piece[] = [];
  let at = 0;
  const add = (end: number, isMatch: boolean) => {
    if (end > at) pieces.push({ piece: points.slice(at, end).join(""), start: at, isMatch });
    at = Math.max(at, end);
  };
  for (const { start, length } of [...ranges].sort((a, b) => a.start - b.start)) {
    add(start, false);
    add(start + length, true);
  }
  add(points.length, false);
  return pieces;
}

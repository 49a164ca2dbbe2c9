// Markdown that is still being written, in pieces that can be rendered one by one.

/**
 * Cuts at blank lines outside of code. Together the pieces are the text; all but the last stay the same while it grows.
 */
export function blocksOf(source: string): readonly string[] {
  const blocks: string[] = [];
  let begin = 0;
  let fence = "";
  for (const { index, 0: line } of source.matchAll(/.*\n/g)) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1] ?? "";
    if (fence === "") fence = mark;
    else if (mark.startsWith(fence)) fence = "";
    if (fence !== "" || line.trim() !== "") continue;
    const end = index + line.length;
    blocks.push(source.slice(begin, end));
    begin = end;
  }
  return begin < source.length ? [...blocks, source.slice(begin)] : blocks;
}

/** What is wrong with a line of an import: it becomes a bad one. */
export class LineFault extends Error {
  override readonly name = "LineFault";
}

export function fault(description: string): never {
  throw new LineFault(description);
}

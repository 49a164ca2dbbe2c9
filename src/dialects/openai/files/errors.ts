// What is said of files that are not there.

export function noFile(id: string): string {
  return `File with id '${id}' not found.`;
}

// The stretch of a file that the header `Range` asks for (RFC 9110 §14).

/** A stretch; "none" for the whole file, "unsatisfiable" for what lies past its end. */
export type Asked = { readonly offset: number; readonly length: number } | "none" | "unsatisfiable";

/** No two parts of it match the same spaces: dividing them would take time that grows with the cube of their number. */
const RANGE = /^\s*bytes\s*=\s*(?:(\d{1,40})\s*)?-\s*(?:(\d{1,40})\s*)?$/i;

/**
 * What is no single range of bytes is passed over, as the RFC allows, so that the file comes whole: several ranges
 * would need a form of their own, and are how servers were brought down.
 */
export function rangeOf(header: string | undefined, size: number): Asked {
  const match = RANGE.exec(header ?? "");
  if (match === null) return "none";
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return "none";
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "unsatisfiable" : { offset: size - length, length };
  }
  // Past the largest exact number they are still larger than any size.
  if (last !== "" && BigInt(last) < BigInt(first)) return "none";
  const offset = Number(first);
  if (offset >= size) return "unsatisfiable";
  const end = last === "" ? size : Math.min(Number(last) + 1, size);
  return { offset, length: end - offset };
}

// Content negotiation: `Accept` and `Accept-Encoding` with their weights, RFC 9110 §12.

interface Range {
  readonly name: string;
  /** 0 to 1. */
  readonly weight: number;
}

/** The most ranges that are looked at; a header with more is read this far. */
const MAX_RANGES = 64;

/**
 * The media type that `Accept` likes best of those on offer, which come in the server's order of preference. No header
 * means anything. Parameters other than `q` are ignored. Undefined: none is acceptable.
 */
export function acceptMedia<T extends string>(header: string | undefined, offers: readonly [T, ...T[]]): T | undefined {
  if (header === undefined || header === "*/*" || header === "") return offers[0];
  const ranges = readRanges(header);
  return best(offers, (offer) => {
    const type = offer.slice(0, offer.indexOf("/"));
    return weightOf(ranges, [offer, `${type}/*`, "*/*"]) ?? 0;
  });
}

/**
 * The content coding that `Accept-Encoding` likes best of those on offer, which come in the server's order of
 * preference; `identity` if it says nothing or nothing fits.
 */
export function acceptCoding<T extends string>(header: string | undefined, offers: readonly T[]): T | "identity" {
  if (header === undefined || header === "") return "identity";
  const ranges = readRanges(header);
  // An `identity` that is not named is acceptable, but less so than a coding that is.
  const identity = weightOf(ranges, ["identity"]) ?? 0.0001;
  return (
    best([...offers, "identity"], (one) => (one === "identity" ? identity : (weightOf(ranges, [one, "*"]) ?? 0))) ??
    "identity"
  );
}

function best<T>(offers: readonly T[], weigh: (offer: T) => number): T | undefined {
  let chosen: T | undefined;
  let max = 0;
  for (const offer of offers) {
    const weight = weigh(offer);
    if (weight > max) {
      max = weight;
      chosen = offer;
    }
  }
  return chosen;
}

/** The weight of the most specific of `names`, which come most specific first. */
function weightOf(ranges: readonly Range[], names: readonly string[]): number | undefined {
  for (const name of names) {
    const range = ranges.find((one) => one.name === name);
    if (range !== undefined) return range.weight;
  }
  return undefined;
}

function readRanges(header: string): Range[] {
  return header.split(",", MAX_RANGES).map((part) => {
    const [name = "", ...parameters] = part.split(";");
    let weight = 1;
    for (const parameter of parameters) {
      const q = /^\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*$/i.exec(parameter)?.[1];
      if (q !== undefined) weight = Number(q);
    }
    return { name: name.trim().toLowerCase(), weight };
  });
}

/** For a trimmed parameter: spaces that several parts match would take time that grows with the square of their number. */
const CHARSET = /^charset\s*=(.*)$/is;

/** A media type without its parameters, and the charsets that it names, each once; all in lower case. */
export function readMediaType(header: string): { readonly type: string; readonly charsets: ReadonlySet<string> } {
  const [type = "", ...parameters] = header.split(";");
  const charsets = new Set<string>();
  for (const parameter of parameters) {
    const value = CHARSET.exec(parameter.trim())?.[1]?.trim().toLowerCase();
    if (value !== undefined) charsets.add(/^"(.*)"$/s.exec(value)?.[1] ?? value);
  }
  return { type: type.trim().toLowerCase(), charsets };
}

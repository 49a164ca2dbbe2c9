// Entity tags and the conditions on them, RFC 9110 §8.8.3 and §13.1.
import { hash } from "node:crypto";
import type { Encoded } from "../../http/coding.ts";
import { invalid, RestProblem } from "./problem.ts";

/** `*`, or the tags that a conditional header lists. */
export type Condition = "any" | readonly EntityTag[];

export interface EntityTag {
  /** Without quotes, and without the suffix of a content coding. */
  readonly value: string;
  /** The version in it: what a write compares. */
  readonly version: string;
  readonly weak: boolean;
}

/** Maximum number of tags that one header may list. */
const MAX_TAGS = 64;

// A compressed response is another representation, so its strong tag must differ (RFC 9110 §8.8.3.3). A client sends
// back the tag that it got; the suffix falls off again here.
const CODED = /;(?:br|gzip)$/;
// Readers of one version may see different things, their own read marks for one. So a tag ends in a digest of the body.
const DIGESTED = /;[\w-]{16}$/;
// Apache and Jetty append this where they compress, and send it back as it is.
const CODED_BY_PROXY = /(;[\w-]{16})--?(?:br|gzip)$/;

/**
 * The value of the tag of a representation: its version and, unless it has no body, a digest of that. Undefined if the
 * version cannot be written as a tag.
 */
export function tagValue(version: string, body: string | Uint8Array | undefined): string | undefined {
  if (version === "" || !/^[\x21\x23-\x7e]*$/.test(version)) return undefined;
  if (CODED.test(version) || DIGESTED.test(version)) return undefined;
  return body === undefined ? version : `${version};${hash("sha256", body, "base64url").slice(0, 16)}`;
}

/** The `ETag` of a representation, from its {@link tagValue}. */
export function entityTag(value: string, coding: Encoded["coding"]): string {
  return coding === "identity" ? `"${value}"` : `"${value};${coding}"`;
}

/** The value of the tag of a list, from the digest of what it shows. */
export function stateTag(digest: string): string {
  return `list;${digest.slice(0, 16)}`;
}

/** The `ETag` of what says the same, though not in the same bytes. */
export function weakTag(value: string): string {
  return `W/"${value}"`;
}

/** Reads `If-Match` or `If-None-Match`. Throws a {@link RestProblem} that names the header if it is neither form. */
export function readCondition(name: string, header: string | undefined): Condition | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === "*") return "any";
  const tags: EntityTag[] = [];
  const pattern = /[\t ]*(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"[\t ]*(?:,|$)/y;
  while (pattern.lastIndex < header.length) {
    const [, weak, sent] = pattern.exec(header) ?? [];
    if (sent === undefined || tags.length === MAX_TAGS) throw badCondition(name);
    const value = sent.replace(CODED, "").replace(CODED_BY_PROXY, "$1");
    tags.push({ value, version: value.replace(DIGESTED, ""), weak: weak !== undefined });
  }
  if (tags.length === 0) throw badCondition(name);
  return tags;
}

function badCondition(name: string): RestProblem {
  return invalid(
    "header",
    name,
    `must be * or at most ${MAX_TAGS} quoted entity tags separated by commas`,
    "entity_tag",
  );
}

/**
 * The one version that a write with `If-Match` asks for; undefined for `*`, which every version meets. A proxy that
 * compresses makes tags weak on their way to the client; here they still name a version, so they are taken where there
 * is no strong one, though RFC 9110 §13.1.1 would never let them match. Throws if several versions would do.
 */
export function versionToMatch(condition: Condition): string | undefined {
  if (condition === "any") return undefined;
  const strong = condition.filter((tag) => !tag.weak);
  const versions = new Set((strong.length > 0 ? strong : condition).map((tag) => tag.version));
  if (versions.size > 1)
    throw invalid("header", "if-match", "must be one entity tag: a write compares one version", "entity_tag");
  return versions.values().next().value;
}

/** Whether a representation of this version meets `If-Match`. */
export function meetsIfMatch(condition: Condition, version: string | undefined): boolean {
  return condition === "any" || condition.some((tag) => tag.version === version);
}

/**
 * Whether `If-None-Match` says that the client has this representation, by its {@link tagValue}: the weak comparison.
 */
export function isKnown(condition: Condition, value: string | undefined): boolean {
  return value !== undefined && (condition === "any" || condition.some((tag) => tag.value === value));
}

export function preconditionFailed(): RestProblem {
  return new RestProblem("precondition_failed", "if-match: the version is not the one that is asked for");
}

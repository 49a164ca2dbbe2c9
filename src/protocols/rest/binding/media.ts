// The media types that REST speaks, and the checks of `Content-Type`.
import { readMediaType } from "../../http/accept.ts";
import { type HttpRequest, headerOf } from "../../http/request.ts";
import { type ProblemKind, RestProblem } from "./problem.ts";

export const JSON_TYPE = "application/json";
export const NDJSON_TYPE = "application/x-ndjson";
export const EVENTS_TYPE = "text/event-stream";

const UTF_8: ReadonlySet<string> = new Set(["utf-8", "utf8"]);
/** What curl sends with -d by default. */
const FORM_TYPE = "application/x-www-form-urlencoded";

/**
 * Refuses a body that is not said to be of this type, or one of those besides, in UTF-8. Without a `Content-Type` too:
 * a page of any origin may send such a body without asking first (Fetch standard, "CORS-safelisted request-header").
 */
export function checkContentType(request: HttpRequest, type: string, besides: readonly string[] = []): void {
  const header = headerOf(request, "content-type");
  if (header === type) return;
  const { type: given, charsets } = readMediaType(header ?? "");
  const isTaken = given === type || (given !== undefined && besides.includes(given));
  // One of two charsets would be passed over, by us or by what stands before us.
  if (isTaken && charsets.isSubsetOf(UTF_8)) return;
  const hint = header === undefined || given === FORM_TYPE ? `: with curl, add -H 'Content-Type: ${type}'` : "";
  const description = `must be ${type} in UTF-8${hint}`;
  throw headerProblem("unsupported_media_type", "content-type", description, { accept: type });
}

export function notAcceptable(offers: readonly string[]): RestProblem {
  return headerProblem("not_acceptable", "accept", `must allow ${offers.join(" or ")}`);
}

/** The problem of one header, with what the response has to say about it in headers of its own. */
export function headerProblem(
  kind: ProblemKind,
  field: string,
  description: string,
  headers: Readonly<Record<string, string>> = {},
): RestProblem {
  return new RestProblem(
    kind,
    `${field}: ${description}`,
    [{ place: "header", field, description, rule: kind }],
    headers,
  );
}

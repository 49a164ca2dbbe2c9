// Path templates of google.api.http, parsed into the segments that a path must have and the variables it fills.

// The grammar, from google/api/http.proto:
//
//     Template = "/" Segments [ Verb ] ;
//     Segments = Segment { "/" Segment } ;
//     Segment  = "*" | "**" | LITERAL | Variable ;
//     Variable = "{" FieldPath [ "=" Segments ] "}" ;
//     FieldPath = IDENT { "." IDENT } ;
//     Verb     = ":" LITERAL ;
//
// and its rules in prose: `*` matches a single path segment; `**` matches zero or more segments, which must be the last
// part of the path except the Verb; a variable's template must not contain other variables; `{var}` is `{var=*}`.
// LITERAL and IDENT are left open there. Here an IDENT is a field name of Protobuf, and a LITERAL is a non-empty path
// segment of RFC 3986 §3.3 without ":", which begins the Verb, and "*", which is a wildcard.

export type Segment =
  /** Matches itself: text as it stands in a request path, escapes in upper case. */
  | { readonly kind: "literal"; readonly text: string }
  /** `*` */
  | { readonly kind: "one" }
  /** `**` */
  | { readonly kind: "rest" };

export interface Variable {
  /** The field path, such as `a.b`. */
  readonly field: string;
  /** The index of its first segment. */
  readonly start: number;
  /** The index past its last segment; undefined where it ends in `**`, and so at the end of the path. */
  readonly end: number | undefined;
  /** Whether its template is more than one `*`. Then "%2F" in its value stays as it is. */
  readonly multi: boolean;
}

export interface Template {
  readonly segments: readonly Segment[];
  readonly variables: readonly Variable[];
  /** Without its colon; empty for none. */
  readonly verb: string;
}

/** A template that breaks the grammar. The message says what and at which character, from 1. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
}

// Sub-delims and "@" may stand in a segment as they are; "=" too, for it ends only a field path.
const LITERAL = /(?:[-._~0-9A-Za-z!$&'()+,;=@]|%[0-9A-Fa-f]{2})+/y;
const IDENT = /[A-Za-z_][0-9A-Za-z_]*/y;

/** Parses a template. Throws {@link TemplateError}. */
export function parseTemplate(text: string): Template {
  return new Parser(text).template();
}

class Parser {
  readonly #text: string;
  #at = 0;
  readonly #segments: Segment[] = [];
  readonly #variables: Variable[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  template(): Template {
    this.#expect("/");
    this.#list(true);
    let verb = "";
    if (this.#take(":")) verb = this.#literal("a verb");
    if (this.#at < this.#text.length) throw this.#error(`unexpected ${JSON.stringify(this.#text[this.#at])}`);
    return { segments: this.#segments, variables: this.#variables, verb };
  }

  #list(variables: boolean): void {
    do {
      if (this.#segments.at(-1)?.kind === "rest") throw this.#error("** must be the last segment");
      this.#segment(variables);
    } while (this.#take("/"));
  }

  #segment(variables: boolean): void {
    if (this.#take("**")) this.#segments.push({ kind: "rest" });
    else if (this.#take("*")) this.#segments.push({ kind: "one" });
    else if (this.#take("{")) {
      if (!variables) throw this.#error("a variable must not contain another", -1);
      this.#variable();
    } else this.#segments.push({ kind: "literal", text: this.#literal("a segment") });
  }

  #variable(): void {
    const from = this.#at;
    let field = this.#match(IDENT, "a field name");
    while (this.#take(".")) field += `.${this.#match(IDENT, "a field name")}`;
    if (this.#variables.some((other) => other.field === field)) {
      throw this.#error(`${field} is bound twice`, from - this.#at);
    }
    const start = this.#segments.length;
    if (this.#take("=")) this.#list(false);
    else this.#segments.push({ kind: "one" });
    this.#expect("}");
    const end = this.#segments.length;
    const last = this.#segments[end - 1]?.kind;
    this.#variables.push({
      field,
      start,
      end: last === "rest" ? undefined : end,
      multi: end - start > 1 || last === "rest",
    });
  }

  #literal(what: string): string {
    const text = upperEscapes(this.#match(LITERAL, what));
    if (isDotSegment(text)) throw this.#error(`${what} must not be ${text}`, -text.length);
    return text;
  }

  #match(pattern: RegExp, what: string): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw this.#error(`expected ${what}`);
    this.#at += found.length;
    return found;
  }

  #take(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #expect(token: string): void {
    if (!this.#take(token)) throw this.#error(`expected ${JSON.stringify(token)}`);
  }

  #error(what: string, offset = 0): TemplateError {
    return new TemplateError(`${JSON.stringify(this.#text)}: ${what} at character ${this.#at + offset + 1}`);
  }
}

/** The one spelling of an escape (RFC 3986 §6.2.2.1): `%2f` is `%2F`. */
export function upperEscapes(text: string): string {
  return text.includes("%") ? text.replace(/%[0-9a-f]{2}/gi, (sequence) => sequence.toUpperCase()) : text;
}

/** Whether a raw segment is `.` or `..` (RFC 3986 §3.3), escaped or not. */
export function isDotSegment(raw: string): boolean {
  return /^(?:\.|%2e){1,2}$/i.test(raw);
}

/** A template as text again, its variables without names: equal for two templates that match the same paths. */
export function shapeOf({ segments, verb }: Template): string {
  const parts = segments.map((s) => (s.kind === "literal" ? s.text : s.kind === "one" ? "*" : "**"));
  return `/${parts.join("/")}${verb === "" ? "" : `:${verb}`}`;
}

import { describe, expect, it } from "vitest";
import { parseTemplate, shapeOf, TemplateError } from "../../../../src/protocols/rest/binding/template.ts";

/** Each a template and what it means: its shape, its variables as `field[start,end)`, "+" for several segments. */
const valid: readonly [template: string, shape: string, variables?: string][] = [
  // Template = "/" Segments [ Verb ] ; Segments = Segment { "/" Segment }
  ["/v1", "/v1"],
  ["/v1/messages", "/v1/messages"],
  ["/v1/messages:search", "/v1/messages:search"],
  ["/a/b/c/d/e", "/a/b/c/d/e"],
  // Segment = "*" | "**" | LITERAL | Variable
  ["/*", "/*"],
  ["/**", "/**"],
  ["/v1/*/messages", "/v1/*/messages"],
  ["/v1/**", "/v1/**"],
  ["/v1/*/**", "/v1/*/**"],
  ["/v1/**:verb", "/v1/**:verb"],
  ["/*:verb", "/*:verb"],
  // Variable = "{" FieldPath [ "=" Segments ] "}"
  ["/v1/{id}", "/v1/*", "id[1,2)"],
  ["/v1/{id=*}", "/v1/*", "id[1,2)"],
  ["/v1/{id=**}", "/v1/**", "id[1,)+"],
  ["/v1/{name=shelves/*}", "/v1/shelves/*", "name[1,3)+"],
  ["/v1/{name=shelves/*/books/*}", "/v1/shelves/*/books/*", "name[1,5)+"],
  ["/v1/{name=shelves/**}", "/v1/shelves/**", "name[1,)+"],
  ["/v1/{name=shelves}", "/v1/shelves", "name[1,2)"],
  ["/v1/{a}/{b}", "/v1/*/*", "a[1,2) b[2,3)"],
  ["/v1/{a=x/*}/{b=y/*}", "/v1/x/*/y/*", "a[1,3)+ b[3,5)+"],
  ["/{a=x/*/**}:go", "/x/*/**:go", "a[0,)+"],
  ["/v1/*/{id}", "/v1/*/*", "id[2,3)"],
  // FieldPath = IDENT { "." IDENT }
  ["/v1/{a.b}", "/v1/*", "a.b[1,2)"],
  ["/v1/{a.b.c=x/*}", "/v1/x/*", "a.b.c[1,3)+"],
  ["/v1/{_a.b_1}", "/v1/*", "_a.b_1[1,2)"],
  // Verb = ":" LITERAL
  ["/v1/{id}:cancel", "/v1/*:cancel", "id[1,2)"],
  ["/v1/{id=**}:cancel", "/v1/**:cancel", "id[1,)+"],
  ["/v1/books:batch-get", "/v1/books:batch-get"],
  // LITERAL: the characters of an RFC 3986 segment, escapes in one spelling
  ["/v1/a-b_c.d~e", "/v1/a-b_c.d~e"],
  ["/v1/a%20b", "/v1/a%20b"],
  ["/v1/a%2fb", "/v1/a%2Fb"],
  ["/v1/@me", "/v1/@me"],
  ["/v1/a=b", "/v1/a=b"],
  ["/v1/$batch(1)!", "/v1/$batch(1)!"],
  ["/v1/...", "/v1/..."],
];

const invalid: readonly (readonly [template: string, message: string])[] = [
  ["", 'expected "/" at character 1'],
  ["v1", 'expected "/" at character 1'],
  ["/", "expected a segment at character 2"],
  ["//", "expected a segment at character 2"],
  ["/v1/", "expected a segment at character 5"],
  ["/v1//a", "expected a segment at character 5"],
  ["/v1:", "expected a verb at character 5"],
  ["/v1:a:b", 'unexpected ":" at character 6'],
  ["/v1:a/b", 'unexpected "/" at character 6'],
  ["/a:b/c", 'unexpected "/" at character 5'],
  ["/:verb", "expected a segment at character 2"],
  ["/v1/{}", "expected a field name at character 6"],
  ["/v1/{a", 'expected "}" at character 7'],
  ["/v1/a}", 'unexpected "}" at character 6'],
  ["/v1/{a}b", 'unexpected "b" at character 8'],
  ["/v1/b{a}", 'unexpected "{" at character 6'],
  ["/v1/{a=}", "expected a segment at character 8"],
  ["/v1/{a=/b}", "expected a segment at character 8"],
  ["/v1/{a=b/}", "expected a segment at character 10"],
  ["/v1/{a.}", "expected a field name at character 8"],
  ["/v1/{.a}", "expected a field name at character 6"],
  ["/v1/{a..b}", "expected a field name at character 8"],
  ["/v1/{1a}", "expected a field name at character 6"],
  ["/v1/{a-b}", 'expected "}" at character 7'],
  ["/v1/{a b}", 'expected "}" at character 7'],
  ["/v1/{a={b}}", "a variable must not contain another at character 8"],
  ["/v1/{a=x/{b}}", "a variable must not contain another at character 10"],
  ["/v1/{a}/{a}", "a is bound twice at character 10"],
  ["/v1/**/a", "** must be the last segment at character 8"],
  ["/v1/**/**", "** must be the last segment at character 8"],
  ["/v1/{a=**}/b", "** must be the last segment at character 12"],
  ["/v1/{a=**/b}", "** must be the last segment at character 11"],
  ["/v1/***", 'unexpected "*" at character 7'],
  ["/v1/a*", 'unexpected "*" at character 6'],
  ["/v1/*a", 'unexpected "a" at character 6'],
  ["/v1/a b", 'unexpected " " at character 6'],
  ["/v1/a?b", 'unexpected "?" at character 6'],
  ["/v1/a#b", 'unexpected "#" at character 6'],
  ["/v1/a%2", 'unexpected "%" at character 6'],
  ["/v1/%zz", "expected a segment at character 5"],
  ["/v1/é", "expected a segment at character 5"],
  ["/v1/.", "a segment must not be . at character 5"],
  ["/v1/..", "a segment must not be .. at character 5"],
  ["/v1/%2e%2E", "a segment must not be %2E%2E at character 5"],
];

describe("a path template", () => {
  it.each(valid)("%s has the shape %s", (text, shape, variables) => {
    const template = parseTemplate(text);
    const shown = template.variables.map((v) => `${v.field}[${v.start},${v.end ?? ""})${v.multi ? "+" : ""}`);
    expect([shapeOf(template), shown.join(" ")]).toEqual([shape, variables ?? ""]);
  });

  it.each(invalid)("%j is refused: %s", (text, message) => {
    expect(() => parseTemplate(text)).toThrow(new TemplateError(`${JSON.stringify(text)}: ${message}`));
  });
});

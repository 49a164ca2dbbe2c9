import { describe, expect, it } from "vitest";
import type { Binding } from "../../../../src/protocols/rest/binding/binding.ts";
import { parseTemplate } from "../../../../src/protocols/rest/binding/template.ts";
import { CollisionError, createRouter } from "../../../../src/protocols/rest/router.ts";

/** A route such as `GET /a/{b}`, as much of it as the router looks at. */
function route(text: string, kind = "unary") {
  const [verb = "", pattern = ""] = text.split(" ");
  const method = { methodKind: kind, toString: () => `rpc ${text}` };
  return { text, binding: { verb, pattern, template: parseTemplate(pattern), method } as unknown as Binding };
}

function find(routes: readonly string[], request: string): string {
  const [verb = "", path = ""] = request.split(" ");
  const found = createRouter(routes.map((text) => route(text))).find(verb, path);
  if (found.kind === "method_not_allowed") return `405 ${found.allow.join()}`;
  return found.kind === "found" ? found.routes.map((one) => one.text).join(" | ") : "404";
}

describe("the router", () => {
  const books = [
    "GET /b/{id}",
    "GET /b/featured",
    "POST /b/{id}:cancel",
    "GET /b/{id}/pages",
    "POST /b",
    "DELETE /b/{id}",
  ];

  it.each([
    ["literals come before variables", books, "GET /b/featured", "GET /b/featured"],
    ["variables match the rest", books, "GET /b/featurex", "GET /b/{id}"],
    ["a literal that leads nowhere is left again", books, "GET /b/featured/pages", "GET /b/{id}/pages"],
    ["a literal without the method is left again", books, "DELETE /b/featured", "DELETE /b/{id}"],
    ["a verb stands beside the resource", books, "POST /b/1:cancel", "POST /b/{id}:cancel"],
    ["a colon without a known verb belongs to the value", books, "GET /b/a:b", "GET /b/{id}"],
    ["a verb that another method has belongs to the value", books, "GET /b/1:cancel", "GET /b/{id}"],
    ["a verb needs a value before it", books, "GET /b/:cancel", "GET /b/{id}"],
    ["only the last colon begins a verb", books, "POST /b/a:b:cancel", "POST /b/{id}:cancel"],
    ["an escaped colon begins none", books, "GET /b/a%3Acancel", "GET /b/{id}"],
    ["HEAD is served by GET", books, "HEAD /b/1", "GET /b/{id}"],
    ["an own HEAD comes first", [...books, "HEAD /b/{id}"], "HEAD /b/1", "HEAD /b/{id}"],
    ["an unknown path is not found", books, "GET /c", "404"],
    ["a longer path is not found", books, "GET /b/1/pages/2", "404"],
    ["a shorter path is not found", ["GET /a/b/c"], "GET /a/b", "404"],
    ["another method is not allowed", books, "PUT /b/1", "405 DELETE,GET,HEAD,OPTIONS"],
    ["the methods of all matches are allowed", books, "PUT /b/1:cancel", "405 DELETE,GET,HEAD,OPTIONS,POST"],
    ["a wildcard method takes any", ["* /b", "GET /b"], "PURGE /b", "* /b"],
    ["a named method comes before a wildcard", ["* /b", "GET /b"], "GET /b", "GET /b"],
    ["** matches no segment", ["GET /f/**"], "GET /f", "GET /f/**"],
    ["** matches one segment", ["GET /f/**"], "GET /f/a", "GET /f/**"],
    ["** matches many segments", ["GET /f/**"], "GET /f/a/b/c", "GET /f/**"],
    ["* comes before **", ["GET /f/**", "GET /f/*"], "GET /f/a", "GET /f/*"],
    ["a literal comes before **", ["GET /f/**", "GET /f/a/b"], "GET /f/a/b", "GET /f/a/b"],
    ["** takes what a literal began", ["GET /f/**", "GET /f/a/b"], "GET /f/a/c", "GET /f/**"],
    ["** may be followed by a verb", ["GET /f/**:go", "GET /f/**"], "GET /f/a/b:go", "GET /f/**:go"],
    ["literals match as they are written", ["GET /a%2Fb"], "GET /a/b", "404"],
    ["escapes match in either case", ["GET /a%2Fb"], "GET /a%2fb", "GET /a%2Fb"],
    ["segments are told apart by case", ["GET /a"], "GET /A", "404"],
    ["object keys are no segments", ["GET /a"], "GET /__proto__", "404"],
  ])("%s", (_, routes, request, expected) => {
    expect(find(routes, request)).toBe(expected);
  });

  it.each([
    [["GET /a/{x}", "GET /a/{y}"]],
    [["GET /a/{x}", "GET /a/*"]],
    [["GET /a/{x=b/*}", "GET /a/b/{y}"]],
    [["GET /a/**", "GET /a/{y=**}"]],
    [["GET /a/{x}:v", "GET /a/{y}:v"]],
    [["* /a", "* /a"]],
    [["GET /a%2f", "GET /a%2F"]],
  ])("refuses %s and names both", (routes) => {
    const [one, two] = routes.map((text) => route(text)) as [ReturnType<typeof route>, ReturnType<typeof route>];
    const build = () => createRouter([one, two]);
    expect(build).toThrow(CollisionError);
    expect(build).toThrow(
      `rpc ${one.text} (${one.binding.pattern}) and rpc ${two.text} (${two.binding.pattern}) both claim`,
    );
  });

  it("lets a unary and a streaming method share a place", () => {
    const router = createRouter([route("POST /chat"), route("POST /chat", "server_streaming")]);
    expect(router.find("POST", "/chat")).toMatchObject({ kind: "found", routes: [{}, {}] });
    expect(() => createRouter([route("POST /c", "server_streaming"), route("POST /c", "server_streaming")])).toThrow(
      CollisionError,
    );
  });

  it("looks at as many nodes for 5 routes as for 5,000", () => {
    // Counts the look-ups in the maps of the trie: exact, where a clock would not be.
    const lookups = (count: number) => {
      const router = createRouter(Array.from({ length: count }, (_, i) => route(`GET /v1/r${i}/{id}/x${i}`)));
      let calls = 0;
      const { get } = Map.prototype;
      Map.prototype.get = function (key) {
        calls += 1;
        return get.call(this, key);
      };
      try {
        router.find("GET", "/v1/r3/1/x3");
      } finally {
        Map.prototype.get = get;
      }
      return calls;
    };
    expect(lookups(5000)).toBe(lookups(5));
  });
});

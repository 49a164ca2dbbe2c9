import { create, type DescMethod, setExtension } from "@bufbuild/protobuf";
import { MethodOptionsSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import {
  type RestMethod,
  RestMethodSchema,
  method as restMethod,
} from "../../../../gen/colloquy/rest/v1/options_pb.ts";
import { http } from "../../../../gen/google/api/annotations_pb.ts";
import { type HttpRule, HttpRuleSchema } from "../../../../gen/google/api/http_pb.ts";
import { BindingError, bindingsOf } from "../../../../src/protocols/rest/binding/binding.ts";
import { LibraryService } from "../../../gen/colloquy/test/v1/rest_pb.ts";
import { dialectServices, ownServices } from "../../../support/servers/contract.ts";

type Rule = Partial<Pick<HttpRule, "body" | "responseBody">> & { on: string; extra?: Rule[] };

function ruleOf({ on, extra = [], ...rest }: Rule): HttpRule {
  const [verb = "", path = ""] = on.split(" ");
  const known = ["get", "put", "post", "delete", "patch"] as const;
  const named = known.find((name) => name === verb);
  const pattern = named === undefined ? { case: "custom", value: { kind: verb, path } } : { case: named, value: path };
  return create(HttpRuleSchema, { ...rest, pattern: pattern as never, additionalBindings: extra.map(ruleOf) });
}

/** A method of the test contract with other options. */
function bound(name: keyof typeof LibraryService.method, rule: Rule, rest: Partial<RestMethod> = {}): DescMethod {
  const method = LibraryService.method[name];
  const options = create(MethodOptionsSchema);
  setExtension(options, http, ruleOf(rule));
  setExtension(options, restMethod, create(RestMethodSchema, rest as never));
  const changed = Object.create(method, { proto: { value: { ...method.proto, options } } });
  return Object.defineProperty(changed, "toString", { value: () => `rpc ${name}` });
}

describe("a binding", () => {
  it.each<[string, keyof typeof LibraryService.method, Rule, Partial<RestMethod>?]>([
    ['expected "/" at character 1', "getBook", { on: "get" }],
    ['"Get" is no HTTP method', "getBook", { on: "Get /a" }],
    ["expected a segment at character 4", "getBook", { on: "get /a/" }],
    ["GetBookRequest has no field nope", "getBook", { on: "get /{nope}" }],
    ["nested is in the path, so it must be a scalar or an enum", "params", { on: "get /{nested}" }],
    ["string_list is in the path, so it must be a scalar or an enum", "params", { on: "get /{string_list}" }],
    ["string_map is in the path", "params", { on: "get /{string_map}" }],
    ["timestamp is in the path", "params", { on: "get /{timestamp}" }],
    ["has no field timestamp.seconds", "params", { on: "get /{timestamp.seconds}" }],
    ["has no field nested_list.text", "params", { on: "get /{nested_list.text}" }],
    ['body: colloquy.test.v1.GetBookRequest has no field "nope"', "getBook", { on: "post /a", body: "nope" }],
    ['has no field "book.title"', "updateBook", { on: "post /a", body: "book.title" }],
    [
      'response_body: colloquy.test.v1.GetBookResponse has no field "nope"',
      "getBook",
      { on: "get /a", responseBody: "nope" },
    ],
    ["book_id is both in the path and the body", "getBook", { on: "put /{book_id}", body: "book_id" }],
    ["a GET must not have a body", "getBook", { on: "get /a", body: "*" }],
    ["a HEAD must not have a body", "getBook", { on: "HEAD /a", body: "*" }],
    ["a DELETE has a body only with the option delete_body", "getBook", { on: "delete /a", body: "*" }],
    [
      "additional_bindings must not be nested",
      "getBook",
      { on: "get /a", extra: [{ on: "get /b", extra: [{ on: "get /c" }] }] },
    ],
    ["success_status must be from 200 to 299", "getBook", { on: "get /a" }, { successStatus: 301 }],
    ["location must begin with /", "getBook", { on: "get /a" }, { location: "a" }],
    ["location has no field nope", "getBook", { on: "get /a" }, { location: "/a/{nope}" }],
    ["location is no path", "getBook", { on: "get /a" }, { location: "/a b" }],
    [
      'last_event_id_field: colloquy.test.v1.WatchRequest has no fitting field "nope"',
      "watch",
      { on: "get /a" },
      { lastEventIdField: "nope" },
    ],
    [
      'if_match_field: colloquy.test.v1.WatchRequest has no fitting field "after"',
      "watch",
      { on: "get /a" },
      { ifMatchField: "after" },
    ],
    [
      'event_oneof: colloquy.test.v1.WatchResponse has no oneof "nope"',
      "watch",
      { on: "get /a" },
      { eventOneof: "nope" },
    ],
  ])("is refused where %s", (message, name, rule, options) => {
    const build = () => bindingsOf(bound(name, rule, options));
    expect(build).toThrow(BindingError);
    expect(build).toThrow(message);
  });

  it("finds the fields that headers fill by convention", () => {
    const named = (path: readonly { name: string }[] | undefined) => path?.map(({ name }) => name).join(".");
    const [update] = bindingsOf(LibraryService.method.updateBook);
    expect([named(update?.ifMatch), named(update?.etag), named(update?.idempotencyKey)]).toEqual([
      "book.etag",
      "book.etag",
      undefined,
    ]);
    const [remove] = bindingsOf(LibraryService.method.deleteBook);
    expect([named(remove?.ifMatch), named(remove?.etag)]).toEqual(["etag", undefined]);
    const [made] = bindingsOf(LibraryService.method.createBook);
    expect([named(made?.idempotencyKey), named(made?.etag)]).toEqual(["request_id", "book.etag"]);
  });

  it("is none where the method has no http option", () => {
    expect(bindingsOf(LibraryService.method.unbound)).toEqual([]);
  });

  it("takes a prefix in front of its paths", () => {
    expect(bindingsOf(LibraryService.method.getBook, "/api").map((one) => one.pattern)).toEqual([
      "/api/t1/books/{book_id}",
      "/api/t1/shelves/{shelf}/books/{book_id}",
    ]);
  });

  it("asked for again, is what is read anew, under each prefix", () => {
    const methods = [...ownServices, ...dialectServices].flatMap((service) => service.methods);
    const told = (method: DescMethod, prefix: string) =>
      bindingsOf(method, prefix).map(({ verb, pattern, taken, body }) => [verb, pattern, taken, body.kind]);
    for (const prefix of ["", "/api", "", "/api"]) {
      // Known is a method itself: its copy is read.
      const anew = methods.map((method) => told({ ...method }, prefix));
      expect(methods.map((method) => told(method, prefix))).toEqual(anew);
    }
  });
});

// The rules that every element of the contract keeps, read off its descriptors.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
  type DescService,
  getOption,
  hasOption,
  ScalarType,
} from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { type FieldRules, field as fieldRules } from "../../gen/buf/validate/validate_pb.ts";
import { ErrorReasonSchema } from "../../gen/colloquy/v1/error_reason_pb.ts";
import { http } from "../../gen/google/api/annotations_pb.ts";
import type { HttpRule } from "../../gen/google/api/http_pb.ts";
import { nativeRules } from "../../src/pipeline/validation/predefined.ts";

const root = join(import.meta.dirname, "../../gen/colloquy");
const files: DescFile[] = [];
for (const name of readdirSync(root, { recursive: true, encoding: "utf8" })) {
  if (!/v\d+\/\w+_pb\.ts$/.test(name)) continue;
  const module = (await import(join(root, name))) as Record<string, DescFile | undefined>;
  files.push(...Object.values(module).filter((value): value is DescFile => value?.kind === "file"));
}
const services: DescService[] = files.flatMap((file) => file.services);
// What agents implement is not served here, so it has no REST form.
const methods: DescMethod[] = services
  .filter((service) => service.file.proto.package !== "colloquy.agent.v1")
  .flatMap((service) => service.methods);
// The REST options are options, not messages that anybody sends.
const messages: DescMessage[] = files
  .filter((file) => file.proto.package !== "colloquy.rest.v1")
  .flatMap((file) => file.messages);
const own = (method: DescMethod) => method.parent.file.proto.package === "colloquy.v1";

function bindingsOf(method: DescMethod): HttpRule[] {
  const rule = getOption(method, http);
  return [rule, ...rule.additionalBindings];
}

function pathOf({ pattern }: HttpRule): { verb: string; template: string } {
  if (pattern.case === undefined) throw new Error("a binding without a pattern");
  if (pattern.case === "custom") return { verb: pattern.value.kind, template: pattern.value.path };
  return { verb: pattern.case, template: pattern.value };
}

/** The field at a path such as `conversation.id`. */
function fieldAt(message: DescMessage, path: string): DescField | undefined {
  const [first, ...rest] = path.split(".");
  const found = message.fields.find(({ name }) => name === first);
  return rest.length === 0 || !found?.message ? found : fieldAt(found.message, rest.join("."));
}

const called = (subject: DescMethod | DescField) => subject.toString();

/** What they do is over in seconds, and never stored. */
const LEAVES_NOTHING: ReadonlySet<string> = new Set(["SendSignal"]);

describe("every method of the contract", () => {
  test("is there to be checked", () => expect(methods.length).toBeGreaterThan(20));

  test.each(methods.map((method) => [called(method), method] as const))("%s keeps the rules", (_, method) => {
    const level = method.idempotency;
    const fields = new Set(method.input.fields.map(({ name }) => name));
    if (
      level !== Level.NO_SIDE_EFFECTS &&
      method.methodKind === "unary" &&
      own(method) &&
      !LEAVES_NOTHING.has(method.name)
    ) {
      expect(fields, "a mutation takes a request id").toContain("request_id");
    }
    if (/^(List|Search)/.test(method.name) && own(method)) {
      expect(fields, "a list is paged").toContain("page_size");
      expect(fields, "a list is paged").toContain("page_token");
      expect(
        method.output.fields.map(({ name }) => name),
        "a list is paged",
      ).toContain("next_page_token");
    }

    expect(hasOption(method, http), "has a REST binding").toBe(true);
    for (const rule of bindingsOf(method)) {
      const { template } = pathOf(rule);
      for (const [, variable = ""] of template.matchAll(/\{([\w.]+)(?:=[^}]*)?\}/g)) {
        expect(fieldAt(method.input, variable), `${template} names a field`).toBeDefined();
      }
      if (rule.body !== "" && rule.body !== "*") expect(fieldAt(method.input, rule.body)).toBeDefined();
      if (rule.responseBody !== "") expect(fieldAt(method.output, rule.responseBody)).toBeDefined();
      const [only, ...others] = method.output.fields;
      if (own(method) && only?.fieldKind === "message" && others.length === 0) {
        expect(rule.responseBody, "answers the bare resource").toBe(only.name);
      }
    }
  });

  test("has a route that no other has", () => {
    const routes = new Map<string, string[]>();
    for (const method of methods.filter(own)) {
      for (const rule of bindingsOf(method)) {
        const { verb, template } = pathOf(rule);
        const shape = `${verb} ${template.replaceAll(/\{[\w.]+(?:=([^}]*))?\}/g, (_, inner?: string) => inner ?? "*")}`;
        routes.set(shape, [...(routes.get(shape) ?? []), called(method)]);
      }
    }
    expect([...routes].filter(([, claimants]) => claimants.length > 1)).toEqual([]);
  });
});

test("every reason of an error is one that some code gives", () => {
  const src = join(import.meta.dirname, "../../src");
  const code = readdirSync(src, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(join(src, name), "utf8"))
    .join("\n");
  const names = ErrorReasonSchema.values.map(({ localName }) => localName).filter((name) => name !== "UNSPECIFIED");
  // As a key of a table, in brackets, it is not given.
  expect(names.filter((name) => !new RegExp(`(?<!\\[)ErrorReason\\.${name}\\b`).test(code))).toEqual([]);
});

describe("every field of the contract", () => {
  const fields = messages.flatMap((message) => message.fields);

  test("has a bound if it is a string, bytes, a list or a number", () => {
    const unbound = fields.filter((field) => !isBounded(field, nativeRules(getOption(field, fieldRules)))).map(called);
    expect(unbound).toEqual([]);
  });

  test("says what several messages say in one way: who did it, what is deleted, in which order", () => {
    const ours = fields.filter(({ parent }) => parent.file.proto.package === "colloquy.v1");
    const said = (field: DescField) => field.message?.name ?? field.enum?.name ?? "a scalar";
    const names = (...wanted: string[]) => ours.filter(({ name }) => wanted.includes(name));
    const actors = names("sender", "creator", "actor", "editor");
    expect(actors.filter((field) => said(field) !== "Actor").map(called)).toEqual([]);
    expect(actors.length).toBeGreaterThan(5);
    const asked = names("deleted").filter(({ parent }) => parent.name.endsWith("Request"));
    expect(asked.filter((field) => said(field) !== "DeletedFilter").map(called)).toEqual([]);
    expect(asked.length).toBeGreaterThan(4);
    expect(names("order").every((field) => said(field).endsWith("Order"))).toBe(true);
    expect(names("order_by", "show_deleted").map(called)).toEqual([]);
  });
});

function isBounded(field: DescField, rules: FieldRules): boolean {
  const { case: kind, value } = rules.type;
  if (field.fieldKind === "list") {
    if (kind !== "repeated" || value.maxItems === 0n) return false;
    return field.listKind !== "scalar" || field.scalar !== ScalarType.STRING || value.items?.type.case === "string";
  }
  if (field.fieldKind !== "scalar" || field.scalar === ScalarType.BOOL) return true;
  if (field.scalar === ScalarType.STRING) {
    const bound = kind === "string" && (value.maxLen > 0n || value.maxBytes > 0n || value.wellKnown.case !== undefined);
    return bound || (kind === "string" && value.in.length > 0);
  }
  if (field.scalar === ScalarType.BYTES) return kind === "bytes" && value.maxLen > 0n;
  return kind !== undefined;
}

test("no request names two of a conversation, a message, a turn and a file", () => {
  // A token of one conversation is checked by the first that is found (services/within-conversation).
  const subjects = ["conversation_id", "message_id", "turn_id", "file_id"];
  // Its message is looked up in the conversation that it names.
  const narrower = new Set(["GetMessage", "ListMessageFiles", "SelectBranch", "Regenerate"]);
  const named = methods.filter(own).map((method) => ({
    method: method.name,
    names: subjects.filter((name) => method.input.fields.some((field) => field.name === name)),
  }));
  expect(named.filter(({ method, names }) => names.length > 1 && !narrower.has(method))).toEqual([]);
  expect(named.some(({ names }) => names.length === 1)).toBe(true);
});

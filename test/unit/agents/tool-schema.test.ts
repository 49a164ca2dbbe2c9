// F-TOOL-SCHEMA: schemas of tools as MCP servers really write them. A provider that refuses one refuses the whole request,
// so each must come out as one that OpenAI and Anthropic take.
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { schemaOf } from "../../../src/agents/connectors/tool-schema/tool-schema.ts";

const ajv = new Ajv2020({ strict: false, validateFormats: false });
const taken = (schema: unknown) => {
  const inputSchemaJson = JSON.stringify(schema);
  return schemaOf({ name: "t", description: "", inputSchemaJson, place: "mcp", needsApproval: false });
};
const REFUSED_AT_ROOT = ["allOf", "anyOf", "oneOf", "not", "enum", "$ref"];
/** What providers check of a schema. */
function expectTaken(schema: ReturnType<typeof taken>) {
  expect(ajv.validateSchema(schema), ajv.errorsText()).toBe(true);
  expect(() => new Ajv2020({ strict: false, validateFormats: false }).compile(schema)).not.toThrow();
  expect(schema).toMatchObject({ type: "object", properties: expect.any(Object) });
  expect(Object.keys(schema).filter((keyword) => REFUSED_AT_ROOT.includes(keyword))).toEqual([]);
}

const string = { type: "string" };
const number = { type: "number" };
const object = (properties: object, required?: string[]) => ({
  type: "object",
  properties,
  ...(required && { required }),
});

describe("F-TOOL-SCHEMA: combinations on the outermost level", () => {
  test.each<[string, object, object]>([
    [
      "alternatives with properties of their own",
      { type: "object", anyOf: [object({ content: string }, ["content"]), object({ url: string }, ["url"])] },
      { properties: { content: string, url: string } },
    ],
    [
      "alternatives that only require",
      { ...object({ route: string, file: string }), anyOf: [{ required: ["route"] }, { required: ["file"] }] },
      { properties: { route: string, file: string } },
    ],
    [
      "what all alternatives require, and what the tool requires anyway",
      {
        ...object({ id: string }, ["id"]),
        oneOf: [object({ kind: { const: "a" } }, ["kind"]), object({ kind: { const: "b" }, n: number }, ["kind", "n"])],
      },
      {
        properties: { id: string, kind: { anyOf: [{ const: "a" }, { const: "b" }] }, n: number },
        required: ["id", "kind"],
      },
    ],
    [
      "parts that must all hold",
      { allOf: [object({ a: string }, ["a"]), { allOf: [object({ b: number }, ["b"])] }] },
      { properties: { a: string, b: number }, required: ["a", "b"] },
    ],
    [
      "a reference to a definition",
      {
        $ref: "#/definitions/Place",
        definitions: { Place: object({ city: { $ref: "#/definitions/City" } }), City: string },
      },
      { properties: { city: { $ref: "#/definitions/City" } } },
    ],
    [
      "an alternative that is no object",
      { anyOf: [object({ a: string }, ["a"]), { type: "null" }] },
      { properties: { a: string } },
    ],
    ["values that are listed", { ...object({ a: string }), enum: [{ a: "x" }] }, { properties: { a: string } }],
  ])("%s", (_, schema, expected) => {
    const out = taken(schema);
    expectTaken(out);
    const { properties, required } = out;
    expect({ properties, ...(required !== undefined && { required }) }).toEqual(expected);
  });

  test("are told to the model in the description, behind its own, unless they are long", () => {
    const anyOf = [{ required: ["a"] }, { required: ["b"] }];
    const words = `The arguments must also match this schema: ${JSON.stringify({ anyOf })}`;
    expect(taken({ anyOf }).description).toBe(words);
    expect(taken({ description: "Finds.", anyOf }).description).toBe(`Finds.\n${words}`);
    expect(taken({ description: "Finds.", anyOf: [{ required: ["a".repeat(5_000)] }] }).description).toBe("Finds.");
  });

  test("that are endless end", () => {
    const out = taken({
      $ref: "#/$defs/a",
      $defs: { a: { allOf: [{ $ref: "#/$defs/a" }], properties: { x: string } } },
    });
    expectTaken(out);
    expect(out.properties).toEqual({ x: string });
  });
});

describe("F-TOOL-SCHEMA: schemas of older drafts, and with mistakes", () => {
  test.each<[string, object, object]>([
    [
      "a tuple",
      { type: "array", items: [string, number] },
      { type: "array", prefixItems: [string, number], items: {} },
    ],
    ["a tuple that is closed", { items: [string], additionalItems: false }, { prefixItems: [string], items: false }],
    ["a list of anything", { type: "array" }, { type: "array", items: {} }],
    ["a limit that is not reached", { minimum: 0, exclusiveMinimum: true }, { exclusiveMinimum: 0 }],
    ["a limit that is reached", { maximum: 9, exclusiveMaximum: false }, { maximum: 9 }],
    ["a type that is none", { type: "any", description: "x" }, { description: "x" }],
    ["types in capitals", { type: ["STRING", "NULL"] }, { type: ["string", "null"] }],
    ["required in its own place", { type: "string", required: true }, string],
    ["a pattern that is none", { type: "string", pattern: "(" }, string],
    ["a reference to nothing", { $ref: "#/components/schemas/X", description: "x" }, { description: "x" }],
    ["names of its dialect", { $schema: "http://json-schema.org/draft-07/schema#", $id: "a", ...string }, string],
    ["no values", { type: "string", enum: [] }, string],
    [
      "what nobody knows",
      { type: "string", nullable: true, "x-order": 1 },
      { type: "string", nullable: true, "x-order": 1 },
    ],
  ])("%s", (_, schema, expected) => {
    const out = taken(object({ a: schema }));
    expectTaken(out);
    expect(out.properties).toEqual({ a: expected });
  });

  test("a type among the properties", () => {
    const out = taken({ properties: { a: string, type: "object" }, required: ["a", "a", 1] });
    expectTaken(out);
    expect(out).toEqual({ type: "object", properties: { a: string }, required: ["a"] });
  });

  test("properties keep their names, also those of keywords and of JavaScript", () => {
    const properties = JSON.parse('{"$id": {}, "items": {}, "__proto__": {"type": "string"}, "constructor": {}}');
    const anyOf = [{ properties }, { properties }];
    for (const schema of [{ properties }, { anyOf }])
      expect(JSON.stringify(taken(schema).properties)).toBe(JSON.stringify(properties));
  });

  test.each<[string, object, object]>([
    ["as MCP's SDK leaves `__proto__`", object({ a: string }, ["__proto__", "a"]), object({ a: string }, ["a"])],
    ["of no properties", { type: "object", required: ["a"] }, object({})],
    ["within a property", object({ a: object({ b: string }, ["c"]) }), object({ a: object({ b: string }) })],
    [
      "unless a part of the schema names it",
      object({ a: { ...object({}, ["c"]), allOf: [object({ c: string })] } }),
      object({ a: { ...object({}, ["c"]), allOf: [object({ c: string })] } }),
    ],
  ])("a required property that is not there is not required: %s", (_, schema, expected) => {
    expect(taken(schema)).toEqual(expected);
  });
});

describe("F-TOOL-SCHEMA: schemas that are made to cost much", () => {
  const filled = (head: string, item: (n: number) => string, tail: string) => {
    const items: string[] = [];
    for (let n = 0, length = 0; length < 65_000; n++) {
      items.push(item(n));
      length += item(n).length + 1;
    }
    return `${head}${items.join()}${tail}`;
  };
  const a = '"$defs":{"a":{"required":["x"],"properties":{"x":{}}}}';
  test.each<[string, string]>([
    [
      "references to each other",
      filled('{"$defs":{"a":{"allOf":[', () => '{"$ref":"#/$defs/a"}', ']}},"$ref":"#/$defs/a"}'),
    ],
    [
      "references to what requires much",
      filled(`{${a},"allOf":[`, () => '{"$ref":"#/$defs/a","required":["y"]}', "]}"),
    ],
    ["alternatives with one property each", filled('{"anyOf":[', (n) => `{"properties":{"${n}":{}}}`, "]}")],
    ["alternatives of one property", filled('{"anyOf":[', (n) => `{"properties":{"a":{"const":${n}}}}`, "]}")],
  ])("%s", (_, inputSchemaJson) => {
    const tool = () => ({
      name: "t",
      description: "",
      inputSchemaJson,
      place: "client" as const,
      needsApproval: false,
    });
    expectTaken(schemaOf(tool()));
    // The least of some tries: the first ones are compiled on the way. Four million steps take longer.
    const times = Array.from({ length: 5 }, () => {
      const before = process.cpuUsage();
      schemaOf(tool());
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000;
    });
    expect(Math.min(...times)).toBeLessThan(60);
  });

  test("are translated once for a tool", () => {
    const tool = { name: "t", description: "", inputSchemaJson: "{}", place: "client" as const, needsApproval: false };
    expect(schemaOf(tool)).toBe(schemaOf(tool));
  });
});

test("F-TOOL-SCHEMA: whatever stands where, the schema is one that is taken", () => {
  const keyword = fc.constantFrom(
    ...[
      "type",
      "properties",
      "required",
      "items",
      "anyOf",
      "allOf",
      "oneOf",
      "not",
      "enum",
      "$ref",
      "$defs",
      "minimum",
    ],
    ...["exclusiveMinimum", "additionalProperties", "pattern", "format", "const", "prefixItems", "multipleOf", "title"],
    ...["dependentRequired", "patternProperties", "maxItems", "uniqueItems", "examples", "definitions", "$id", "if"],
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<unknown>("object", "array", "string", "#/$defs/a", "#", "(", 0, -1, 1.5, true, false, null, "a"),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(fc.oneof(keyword, fc.constantFrom("a", "b")), tie("value"), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(fc.dictionary(keyword, value, { maxKeys: 5 }), (schema) => {
      // Ajv itself follows references without end.
      const text = JSON.stringify(schema);
      const out = taken(JSON.parse(text));
      expect(ajv.validateSchema(out), ajv.errorsText()).toBe(true);
      expect(Object.keys(out).filter((name) => REFUSED_AT_ROOT.includes(name))).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

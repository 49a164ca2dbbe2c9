// Turns messages into JSON Schemas, one for what is sent and one for what is answered, and collects them.
import { type DescField, type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import type { FieldRules } from "../../gen/buf/validate/validate_pb.ts";
import {
  field as fieldRules,
  message as messageRules,
  oneof as oneofRules,
} from "../../gen/buf/validate/validate_pb.ts";
import { field as restField } from "../../gen/colloquy/rest/v1/options_pb.ts";
import { FieldBehavior, field_behavior } from "../../gen/google/api/field_behavior_pb.ts";
import { nativeRules } from "../../src/pipeline/validation/predefined.ts";
import { bareListOf } from "../../src/protocols/rest/binding/bare-list.ts";
import { isRawJson } from "../../src/protocols/rest/binding/raw-json.ts";
import type { Schema } from "../../src/protocols/rest/docs/openapi-types.ts";
import type { Comments } from "./comments.ts";
import { type Component, type Direction, nameComponents, PREFIX } from "./components.ts";
import { enumComponent } from "./enums.ts";
import type { RequiredFields } from "./required.ts";
import { constrain, sentence } from "./rules.ts";
import { keySchema, scalarSchema, wellKnownSchema } from "./scalars.ts";

export interface SchemaOptions {
  readonly comments: Comments;
  readonly required: RequiredFields;
  /** Whether input with a field that the contract does not have is refused. */
  readonly refuseUnknown: boolean;
}

export interface Schemas {
  /** A reference to a message, or the schema of a well-known type. */
  message(desc: DescMessage, direction: Direction): Schema;
  /** The schema of one field, with its rules and its comment. */
  field(desc: DescField, direction: Direction): Schema;
  /** A reference to a request message of which the route binds some fields elsewhere. */
  without(desc: DescMessage, paths: readonly string[]): Schema;
  /** The fields of a message that a direction has. */
  fields(desc: DescMessage, direction: Direction): readonly DescField[];
  /** Every component that was referred to, by its final name, and the function that gives references theirs. */
  finish(): { readonly components: Record<string, Schema>; rename(ref: string): string };
}

export function createSchemas(options: SchemaOptions): Schemas {
  const components = new Map<string, Component>();

  function refer(key: string, make: () => Omit<Component, "schema">, schema: () => Schema): Schema {
    if (!components.has(key)) {
      const component: Component = { ...make(), schema: {} };
      components.set(key, component); // before its schema is made: messages may contain themselves
      component.schema = schema();
    }
    return { $ref: PREFIX + key };
  }

  function message(desc: DescMessage, direction: Direction): Schema {
    const known = wellKnownSchema(desc);
    if (known !== undefined) return known;
    const make = () => ({ typeName: desc.typeName, direction, without: [] });
    return refer(`${desc.typeName}|${direction}`, make, () => object(desc, direction, []));
  }

  function without(desc: DescMessage, paths: readonly string[]): Schema {
    const own = paths.filter((path) => path !== "");
    if (own.length === 0) return message(desc, "input");
    const make = () => ({ typeName: desc.typeName, direction: "input" as const, without: [...own].sort() });
    return refer(`${desc.typeName}|input|${[...own].sort().join()}`, make, () => object(desc, "input", own));
  }

  function fields(desc: DescMessage, direction: Direction): readonly DescField[] {
    const other = direction === "input" ? FieldBehavior.OUTPUT_ONLY : FieldBehavior.INPUT_ONLY;
    // Where unknown fields are refused, a field that only the server sets has to be named: it may be sent, and is
    // ignored.
    if (direction === "input" && options.refuseUnknown) return desc.fields;
    return desc.fields.filter((field) => !behaviors(field).includes(other));
  }

  function object(desc: DescMessage, direction: Direction, paths: readonly string[]): Schema {
    const properties: Record<string, Schema> = {};
    const needed: string[] = [];
    const omitted = new Set(paths);
    const present = fields(desc, direction).filter((field) => !omitted.has(field.name));
    const requiredInput = direction === "input" ? options.required(desc) : undefined;
    for (const each of present) {
      const below = paths.flatMap((path) =>
        path.startsWith(`${each.name}.`) ? [path.slice(each.name.length + 1)] : [],
      );
      properties[each.jsonName] =
        below.length > 0 && each.message ? described(each, without(each.message, below)) : field(each, direction);
      if (requiredInput ? requiredInput.has(each) : isAlwaysWritten(each)) needed.push(each.jsonName);
    }
    const schema: Schema = { type: "object" };
    const comment = [options.comments(desc), ...messageNotes(desc)].filter((text) => text !== "").join(" ");
    if (comment !== "") schema.description = comment;
    if (desc.deprecated) schema.deprecated = true;
    schema.properties = properties;
    if (needed.length > 0) schema.required = needed;
    if (direction === "input" && options.refuseUnknown) schema.additionalProperties = false;
    const groups = oneofGroups(desc, new Set(present));
    if (groups.length === 1) schema.oneOf = groups[0] as Schema[];
    if (groups.length > 1) schema.allOf = groups.map((oneOf) => ({ oneOf }));
    return schema;
  }

  function field(desc: DescField, direction: Direction): Schema {
    const isText = !isRawJson(desc) || desc.fieldKind === "list";
    const rules = isText && hasOption(desc, fieldRules) ? nativeRules(getOption(desc, fieldRules)) : undefined;
    const { notes, ...schema } = constrain(valueSchema(desc, direction, rules), rules, desc.enum);
    return described(desc, schema, notes);
  }

  function valueSchema(desc: DescField, direction: Direction, rules: FieldRules | undefined): Schema {
    switch (desc.fieldKind) {
      case "list": {
        const items = rules?.type.case === "repeated" ? rules.type.value.items : undefined;
        return { type: "array", items: element(desc, direction, items) };
      }
      case "map": {
        const { keys, values } = rules?.type.case === "map" ? rules.type.value : {};
        const schema: Schema = { type: "object", additionalProperties: element(desc, direction, values) };
        const names = noted(constrain(keySchema(desc.mapKey), keys));
        if (Object.keys(names).length > 1) schema.propertyNames = names;
        return schema;
      }
      default: {
        const list = bareListOf(desc);
        return list === undefined ? single(desc, direction) : field(list, direction);
      }
    }
  }

  function element(desc: DescField, direction: Direction, rules: FieldRules | undefined): Schema {
    if (isRawJson(desc)) return {};
    return noted(constrain(single(desc, direction), rules, desc.enum));
  }

  function single(desc: DescField, direction: Direction): Schema {
    // Any JSON value.
    if (isRawJson(desc)) return {};
    if (desc.message) return message(desc.message, direction);
    if (desc.enum) {
      const enumeration = desc.enum;
      const make = () => ({ typeName: enumeration.typeName, direction: undefined, without: [] });
      return refer(enumeration.typeName, make, () => enumComponent(enumeration, options.comments));
    }
    return desc.scalar === undefined ? {} : scalarSchema(desc.scalar);
  }

  function described(desc: DescField, schema: Schema, notes: readonly string[] = []): Schema {
    const nullable = getOption(desc, restField).nullWhenUnset ? orNull(schema) : schema;
    const text = [options.comments(desc), ...notes].filter((part) => part !== "").join(" ");
    const result: Schema = { ...nullable };
    if (text !== "") result.description = text;
    if (desc.deprecated) result.deprecated = true;
    const only = behaviors(desc);
    if (only.includes(FieldBehavior.OUTPUT_ONLY)) result.readOnly = true;
    if (only.includes(FieldBehavior.INPUT_ONLY)) result.writeOnly = true;
    return result;
  }

  return { message, field, without, fields, finish: () => nameComponents(components) };
}

function noted({ notes, ...schema }: Schema & { notes: string[] }): Schema {
  return notes.length === 0 ? schema : { ...schema, description: notes.join(" ") };
}

/** Fields without presence are written out even at their default value; so is an unset one that becomes null. */
function isAlwaysWritten(desc: DescField): boolean {
  if (getOption(desc, restField).nullWhenUnset) return true;
  return desc.fieldKind === "list" || desc.fieldKind === "map" || !hasPresence(desc);
}

function hasPresence(desc: DescField): boolean {
  return desc.fieldKind === "message" || desc.oneof !== undefined || desc.presence !== IMPLICIT;
}

// google.protobuf.FeatureSet.FieldPresence
const IMPLICIT = 2;

function behaviors(desc: DescField): readonly FieldBehavior[] {
  return hasOption(desc, field_behavior) ? getOption(desc, field_behavior) : [];
}

/** A schema that also allows null. */
export function orNull(schema: Schema): Schema {
  const { $ref, const: fixed, enum: values, type, anyOf, oneOf, allOf, not } = schema;
  const plain = [$ref, fixed, values, anyOf, oneOf, allOf, not].every((keyword) => keyword === undefined);
  if (plain && typeof type === "string") return { ...schema, type: [type, "null"] };
  return { anyOf: [schema, { type: "null" }] };
}

// A oneof is at most one of its fields; where a rule requires it, exactly one.
function oneofGroups(desc: DescMessage, present: ReadonlySet<DescField>): Schema[][] {
  const groups = desc.oneofs.map((group) => ({
    names: group.fields.filter((each) => present.has(each)).map((each) => each.jsonName),
    required: getOption(group, oneofRules).required,
  }));
  for (const rule of getOption(desc, messageRules).oneof) {
    const names = desc.fields.filter((each) => rule.fields.includes(each.name) && present.has(each));
    groups.push({ names: names.map((each) => each.jsonName), required: rule.required });
  }
  return groups
    .filter(({ names }) => names.length > 0)
    .map(({ names, required }) => {
      const choices: Schema[] = names.map((name) => ({ properties: { [name]: {} }, required: [name] }));
      if (required) return choices;
      const none: Schema = { properties: Object.fromEntries(names.map((name) => [name, { not: {} }])) };
      return [...choices, none];
    });
}

function messageNotes(desc: DescMessage): string[] {
  return getOption(desc, messageRules).cel.flatMap((rule) => (rule.message === "" ? [] : [sentence(rule.message)]));
}

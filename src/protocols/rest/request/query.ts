// Query parameters: split, decoded once, and set on the request message by field path.
import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { fieldNamed } from "../../../codec/field-named.ts";
import { visible } from "../../../codec/json/json-position.ts";
import {
  type FieldPath,
  getField,
  holderOf,
  holdsFields,
  MAX_PATH_DEPTH,
  pathName,
  setField,
} from "../binding/field-path.ts";
import { decodeQuery } from "../binding/percent.ts";
import { invalid, invalidAll, type RestProblem, type Violation } from "../binding/problem.ts";
import { pairReader, textReader } from "../binding/text-value.ts";

/** Maximum number of parameters of one request. */
export const MAX_PARAMETERS = 1000;

export interface QueryRules {
  readonly input: DescMessage;
  /** Field paths that are filled from elsewhere, in the names of the contract: from the path, or from the body. */
  readonly taken: ReadonlySet<string>;
  /** The body has all fields that are not in the path, so there are no parameters. */
  readonly none: boolean;
  /** Skip parameters that name no field, instead of refusing them. */
  readonly ignoreUnknown: boolean;
  /** Parameters that are not the request's, such as a credential: skipped. */
  readonly reserved: ReadonlySet<string>;
}

/** Sets every parameter of a raw query, without its "?". Throws a {@link RestProblem} that names each bad parameter. */
export function applyQuery(message: Message, query: string, rules: QueryRules): void {
  const violations: Violation[] = [];
  const seen = new Set<string>();
  const parts = query.split("&");
  if (parts.length > MAX_PARAMETERS)
    throw invalid("query", "query", `must have at most ${MAX_PARAMETERS} parameters`, "count");
  for (const part of parts) {
    if (part === "") continue;
    const broken = applyParameter(message, part, rules, seen);
    if (broken !== undefined) violations.push(broken);
  }
  if (violations.length > 0) throw tooMany(violations);
}

function tooMany(violations: readonly Violation[]): RestProblem {
  return invalidAll(violations.slice(0, 20));
}

function applyParameter(message: Message, part: string, rules: QueryRules, seen: Set<string>): Violation | undefined {
  const equals = part.indexOf("=");
  const name = decodeQuery(equals === -1 ? part : part.slice(0, equals));
  if (name.kind === "invalid")
    return { place: "query", field: "", description: `a parameter's name ${name.description}`, rule: name.rule };
  if (rules.reserved.has(name.text)) return undefined;
  if (name.text === "" && !rules.ignoreUnknown)
    return broken("query", "must not have a parameter without a name", "unknown");
  const found = findParameter(name.text, rules);
  if (typeof found === "string") {
    return rules.ignoreUnknown ? undefined : broken(visible(name.text), found, "unknown");
  }
  const { path, key } = found;
  const place = key === undefined ? pathName(path) : `${pathName(path)}[${JSON.stringify(visible(key))}]`;
  const field = path[path.length - 1] as DescField;
  if (field.fieldKind !== "list") {
    if (seen.has(place)) return broken(place, "must be given once", "once");
    seen.add(place);
  }
  const value = decodeQuery(equals === -1 ? "" : part.slice(equals + 1));
  if (value.kind === "invalid") return broken(place, value.description, value.rule);
  return setParameter(message, found, place, field, value.text);
}

/** What a parameter sets: a field, or the value of one key of a map. */
interface Target {
  readonly path: FieldPath;
  /** Undefined: the field is not a map. */
  readonly key: string | undefined;
}

/** `labels[team]`: a map, and the key that stands in brackets. A key may hold brackets itself. */
const MAP_KEY = /^([^[]*)\[(.*)\]$/s;

/** What a parameter sets, or what is wrong with its name. */
function findParameter(whole: string, rules: QueryRules): Target | string {
  if (rules.none) return "is not a parameter: every field that the path does not hold belongs in the body";
  const [, name = whole, key] = MAP_KEY.exec(whole) ?? [];
  const path: DescField[] = [];
  let message: DescMessage | undefined = rules.input;
  let prefix = "";
  for (const part of name.split(".", MAX_PATH_DEPTH + 1)) {
    const field: DescField | undefined =
      message && path.length < MAX_PATH_DEPTH ? fieldNamed(message, part) : undefined;
    // A lenient mount's parameters have the names of JSON alone: any other is one that it does not know.
    if (field === undefined || (rules.ignoreUnknown && part !== field.jsonName))
      return "is not a parameter of this method";
    path.push(field);
    prefix = prefix === "" ? field.name : `${prefix}.${field.name}`;
    if (rules.taken.has(prefix)) return "is not a parameter: it is filled from the path or the body";
    message = holdsFields(field) ? field.message : undefined;
  }
  const last = path[path.length - 1] as DescField;
  const isMap = pairReader(last) !== undefined;
  if (key !== undefined && !isMap) return "is not a parameter of this method";
  if (key === undefined && isMap) return `is not a parameter: only each of its keys is, such as ${last.jsonName}[key]`;
  if (!isMap && textReader(last) === undefined) return "is not a parameter: only scalars, enums and lists of them are";
  return { path: path as [DescField], key };
}

function setParameter(
  message: Message,
  { path, key }: Target,
  name: string,
  field: DescField,
  text: string,
): Violation | undefined {
  const read = (pairReader(field) ?? textReader(field))?.(text);
  if (read === undefined || read.kind === "invalid")
    return broken(name, read?.description ?? "has no text form", read?.rule ?? "type");
  const holder = holderOf(message, path);
  const { oneof } = field;
  if (oneof?.fields.some((other) => other !== field && getField(holder, other) !== undefined)) {
    return broken(name, `must not be given with another of ${oneof.name}`, "oneof");
  }
  if (field.fieldKind === "list") (getField(holder, field) as unknown[]).push(read.value);
  // Whatever the key is, `__proto__` too.
  else if (key !== undefined) {
    const pair = { value: read.value, enumerable: true, configurable: true, writable: true };
    Object.defineProperty(getField(holder, field), key, pair);
  } else setField(holder, field, read.value);
  return undefined;
}

function broken(field: string, description: string, rule: string): Violation {
  return { place: "query", field, description, rule };
}

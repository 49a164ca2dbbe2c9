// The update mask that the JSON of an update implies: the fields that it names (AIP-134; JSON distinguishes a default
// value from an absent field).
import {
  create,
  type DescField,
  type DescMessage,
  getOption,
  hasOption,
  isFieldSet,
  type Message,
} from "@bufbuild/protobuf";
import { type FieldMask, FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { FieldBehavior, field_behavior } from "../../../gen/google/api/field_behavior_pb.ts";
import { endOfString } from "../../domain/json.ts";

/** What a request of an Update method is made of. */
export interface UpdateParts {
  /** `update_mask`. */
  readonly mask: DescField;
  /** The resource: what is named in it is changed. */
  readonly resource: DescField & { readonly fieldKind: "message" };
  /** The fields of the resource that a caller may set, by their names in the contract and in JSON. */
  readonly settable: ReadonlyMap<string, DescField>;
}

const known = new WeakMap<DescMessage, UpdateParts | null>();

/** The parts of a request such as `UpdateConversationRequest`; undefined for every other message. */
export function updatePartsOf(input: DescMessage): UpdateParts | undefined {
  let parts = known.get(input);
  if (parts === undefined) {
    parts = findParts(input);
    known.set(input, parts);
  }
  return parts ?? undefined;
}

/** AIP-134: the request is named after the resource. */
function findParts(input: DescMessage): UpdateParts | null {
  const resourceName = /^Update(.+)Request$/.exec(input.name)?.[1];
  const mask = input.fields.find(({ name }) => name === "update_mask");
  const resource = input.fields.find((field) => field.fieldKind === "message" && field.message.name === resourceName);
  if (mask?.fieldKind !== "message" || mask.message.typeName !== FieldMaskSchema.typeName) return null;
  if (resource?.fieldKind !== "message") return null;
  const fields = resource.message.fields.filter(isSettable);
  const settable = new Map(fields.flatMap((field) => [[field.jsonName, field] as const, [field.name, field] as const]));
  return { mask, resource: resource as UpdateParts["resource"], settable };
}

function isSettable(field: DescField): boolean {
  if (!hasOption(field, field_behavior)) return true;
  const behaviors = getOption(field, field_behavior);
  return !behaviors.includes(FieldBehavior.OUTPUT_ONLY) && !behaviors.includes(FieldBehavior.IMMUTABLE);
}

/**
 * Sets the mask of a request to what the JSON of its resource names, whatever it gives them: null and defaults too. A
 * mask with paths stays.
 */
export function setImpliedMask({ mask, settable }: UpdateParts, request: Message, resource: string): void {
  const fields = request as unknown as Record<string, FieldMask | undefined>;
  if ((fields[mask.localName]?.paths.length ?? 0) > 0) return;
  const named = new Set<DescField | undefined>();
  eachName(resource, 1, ({ depth, name }) => void (depth === 1 && named.add(settable.get(name))));
  const paths = inOrder(settable, (field) => named.has(field)).map(({ name }) => name);
  fields[mask.localName] = create(FieldMaskSchema, { paths });
}

/**
 * Gives a request without a mask that of the fields that are set, as AIP-134 has it. So the same update is the same
 * request on every wire, whether its form can name a default value or not.
 */
export function setPopulatedMask({ mask, resource, settable }: UpdateParts, request: Message): void {
  const fields = request as unknown as Record<string, unknown>;
  const value = fields[resource.localName] as Message | undefined;
  if (value === undefined || ((fields[mask.localName] as FieldMask | undefined)?.paths.length ?? 0) > 0) return;
  const paths = inOrder(settable, (field) => isFieldSet(value, field)).map(({ name }) => name);
  if (paths.length > 0) fields[mask.localName] = create(FieldMaskSchema, { paths });
}

/** Some of the fields, in the order of the contract. */
function inOrder(settable: UpdateParts["settable"], choose: (field: DescField) => boolean): DescField[] {
  return [...new Set(settable.values())].filter(choose);
}

/**
 * The JSON of a request with the mask that it implies written into it, for decoders that see only the text. Unchanged:
 * it is no update, has a mask, names nothing, or is not JSON.
 */
export function withImpliedMask(input: DescMessage, text: string): string {
  const parts = updatePartsOf(input);
  if (parts === undefined) return text;
  const { mask, resource, settable } = parts;
  const named = new Set<DescField>();
  let within: string | undefined;
  let masks = 0;
  let empty: { readonly start: number; readonly end: number } | undefined;
  const end = eachName(text, 2, ({ depth, name, colon }) => {
    const field = settable.get(name);
    if (depth === 1) within = name;
    else if (isNameOf(resource, within) && field !== undefined) named.add(field);
    if (depth === 1 && isNameOf(mask, name)) {
      masks++;
      empty = emptyValueAt(text, colon + 1);
    }
  });
  if (end === undefined || named.size === 0) return text;
  const inContract = inOrder(settable, (field) => named.has(field));
  const paths = JSON.stringify(inContract.map(({ jsonName }) => jsonName).join(","));
  if (masks === 1 && empty !== undefined) return `${text.slice(0, empty.start)}${paths}${text.slice(empty.end)}`;
  // An object that names the resource is not empty, so a comma is right.
  return masks > 0 ? text : `${text.slice(0, end)},${JSON.stringify(mask.jsonName)}:${paths}${text.slice(end)}`;
}

function isNameOf({ jsonName, name: own }: DescField, name: string | undefined): boolean {
  return name === jsonName || name === own;
}

/** Where `""` or null stands, if that is what comes next. */
function emptyValueAt(text: string, start: number): { start: number; end: number } | undefined {
  const value = /\s*(""|null)/y;
  value.lastIndex = start;
  const found = value.exec(text)?.[1];
  return found === undefined ? undefined : { start: value.lastIndex - found.length, end: value.lastIndex };
}

interface Name {
  /** 1 for the members of the outermost object. */
  readonly depth: number;
  readonly name: string;
  /** Where its colon stands. */
  readonly colon: number;
}

/**
 * Tells the names in a JSON object down to a depth, in order, and gives the place of its closing brace; undefined: it
 * is no whole object. Nothing is built: a body of 4 MiB costs what reading its characters costs.
 */
function eachName(text: string, maxDepth: number, tell: (name: Name) => void): number | undefined {
  const start = /^\s*\{/.exec(text)?.[0].length;
  if (start === undefined) return undefined;
  let depth = 1;
  for (let i = start; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x5b: // [
      case 0x7b: // {
        depth++;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        if (--depth === 0) return /^\s*$/.test(text.slice(i + 1)) ? i : undefined;
        break;
      case 0x22: {
        const end = endOfString(text, i);
        const colon = depth <= maxDepth ? colonAfter(text, end) : undefined;
        const name = colon === undefined ? undefined : unquoted(text.slice(i, end + 1));
        if (colon !== undefined && name !== undefined) tell({ depth, name, colon });
        i = end;
      }
    }
  }
  return undefined;
}

function colonAfter(text: string, end: number): number | undefined {
  let i = end + 1;
  while (" \t\r\n".includes(text[i] ?? "x")) i++;
  return text[i] === ":" ? i : undefined;
}

function unquoted(literal: string): string | undefined {
  try {
    return JSON.parse(literal) as string;
  } catch {
    // The decoder says what is wrong with it.
    return undefined;
  }
}

// The part of a message that protovalidate must check: of long lists, the first items that the fast checks do not
// accept.
import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import type { Path } from "@bufbuild/protobuf/reflect";
import type { FastChecks } from "./fast-checks.ts";

/** Lists of up to this many items are kept whole. */
const SHORT_LIST = 50;
/** Maximum items kept of a longer list: one error names at most this many broken rules. */
const MAX_UNCHECKED = 20;

export interface UncheckedPart {
  /** Breaks a rule only if the whole message does. The message itself where it has no long list. */
  readonly part: Message;
  /** True if there are more unchecked items than the part holds: a valid part does not prove them valid. */
  readonly more: boolean;
  /** The path in the whole message of a path in the part. */
  pathOf(path: Path): Path;
}

type Fields = Record<string, unknown>;
type ListField = DescField & { fieldKind: "list" };

/** The limits of list lengths must be checked before: in the part, lists are shorter. */
export function uncheckedPart(plain: FastChecks, schema: DescMessage, message: Message): UncheckedPart {
  /** Of each list that was cut, where its items stood. */
  const places = new Map<unknown, readonly number[]>();
  let more = false;

  function partOf(desc: DescMessage, whole: Fields): Fields {
    if (desc.typeName.startsWith("google.protobuf.")) return whole;
    let part = whole;
    const set = (name: string, value: unknown) => {
      if (part === whole) part = Object.assign(Object.create(Object.getPrototypeOf(whole)), whole);
      part[name] = value;
    };
    for (const field of desc.fields) {
      const { localName: name, oneof } = field;
      const choice = oneof === undefined ? undefined : (whole[oneof.localName] as { case?: string; value?: unknown });
      if (choice !== undefined && choice.case !== name) continue;
      const value = choice === undefined ? whole[name] : choice.value;
      if (field.fieldKind === "list") {
        const shorter = listPart(field, value as readonly unknown[]);
        if (shorter !== value) set(name, shorter);
      } else if (field.fieldKind === "message" && typeof value === "object" && value !== null) {
        const inner = partOf(field.message, value as Fields);
        if (inner === value) continue;
        if (oneof === undefined) set(name, inner);
        else set(oneof.localName, { case: name, value: inner });
      }
    }
    return part;
  }

  function listPart(field: ListField, items: readonly unknown[]): readonly unknown[] {
    const kept = items.length > SHORT_LIST ? unchecked(field, items) : undefined;
    if (kept !== undefined && kept.length === items.length) return items;
    const shown = kept === undefined ? items : kept.map((i) => items[i]);
    const inner = field.listKind === "message" ? shown.map((item) => partOf(field.message, item as Fields)) : shown;
    if (kept === undefined && inner.every((item, i) => item === items[i])) return items;
    if (kept !== undefined) places.set(inner, kept);
    return inner;
  }

  /** The places of the first items in doubt: one at least, for a list that is not empty must not become so. */
  function unchecked(field: ListField, items: readonly unknown[]): readonly number[] {
    const isPlain = plain.item(field);
    const kept: number[] = [];
    for (let i = 0; i < items.length && !more; i++) {
      if (isPlain === undefined || isPlain(items[i])) continue;
      if (kept.length === MAX_UNCHECKED) more = true;
      else kept.push(i);
    }
    return kept.length > 0 ? kept : [0];
  }

  const part = partOf(schema, message as unknown as Fields);
  return {
    part: part as unknown as Message,
    more,
    pathOf: (path) => (places.size === 0 ? path : inWhole(part, path, places)),
  };
}

function inWhole(part: Fields, path: Path, places: ReadonlyMap<unknown, readonly number[]>): Path {
  let value: unknown = part;
  return path.map((step) => {
    const holder = value as Fields | undefined;
    if (step.kind === "field") {
      const choice = step.oneof && (holder?.[step.oneof.localName] as { value?: unknown } | undefined);
      value = choice === undefined ? holder?.[step.localName] : choice.value;
      return step;
    }
    if (step.kind !== "list_sub") {
      value = undefined;
      return step;
    }
    const index = places.get(value)?.[step.index] ?? step.index;
    value = (value as readonly unknown[] | undefined)?.[step.index];
    return { ...step, index };
  });
}

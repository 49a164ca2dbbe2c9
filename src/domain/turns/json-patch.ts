// A JSON value that JSON Patches (RFC 6902) change in place. How large an operation makes the value is known before it
// is applied, and what a patch that fails has done is undone. Libraries do neither: they clone without bounds, follow
// pointers to what is no JSON, such as a list's length, and compare lists by their edit distance.
import { isDeepStrictEqual } from "node:util";
import { MAX_JSON_LEVELS } from "../parts/json-text.ts";

export interface Operation {
  readonly op: unknown;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

/** What patches may do together beyond reading their own text, in bytes that are measured, copied or moved. */
export class PatchBudget {
  #bytes: number;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  earn(bytes: number): void {
    this.#bytes += bytes;
  }

  spend(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#bytes < 0) throw new Unfit();
  }
}

/** An operation cannot be applied, for whatever reason. */
class Unfit extends Error {}

/** Where a pointer leads: to a value, or to where one can be added. */
interface Place {
  readonly parent: unknown[] | Record<string, unknown>;
  readonly key: string | number;
  readonly exists: boolean;
  readonly value: unknown;
  /** Of the objects and lists around it. */
  readonly levels: number;
}

export class PatchedValue {
  /** The value is a member, so that an operation may replace the whole. */
  readonly #root: Record<string, unknown>;
  readonly #maxBytes: number;
  readonly #budget: PatchBudget;
  /** At least what the value has as JSON: commas of what was removed are counted. */
  #bytes: number;
  #undo: (() => void)[] = [];

  /** @param text JSON */
  constructor(text: string, maxBytes: number, budget: PatchBudget) {
    this.#root = { "": JSON.parse(text) as unknown };
    this.#maxBytes = maxBytes;
    this.#budget = budget;
    this.#bytes = Buffer.byteLength(this.text());
  }

  text(): string {
    return JSON.stringify(this.#root[""] ?? null);
  }

  /**
   * Applies all operations, or none: false. In between, the value may be twice as large as at the end.
   *
   * @param pause called after each operation
   */
  async apply(operations: readonly Operation[], pause: () => Promise<void>): Promise<boolean> {
    const bytes = this.#bytes;
    this.#undo = [];
    try {
      for (const operation of operations) {
        this.#one(operation);
        await pause();
      }
      this.#mustFit(0, this.#maxBytes);
      return true;
    } catch (error) {
      if (!(error instanceof Unfit)) throw error;
      for (const undo of this.#undo.reverse()) undo();
      this.#bytes = bytes;
      return false;
    }
  }

  #one(operation: Operation): void {
    const { op, path, from, value } = operation;
    const needsValue = op === "add" || op === "replace" || op === "test";
    if (needsValue ? value === undefined : op !== "remove" && from === undefined) throw new Unfit();
    if (op === "add") this.#add(this.#find(path), value);
    else if (op === "replace") this.#set(this.#existing(path), value);
    else if (op === "remove") this.#remove(this.#existing(path));
    else if (op === "copy") this.#copy(from ?? "", path);
    else if (op === "move") this.#move(from ?? "", path);
    else if (op !== "test" || !isDeepStrictEqual(this.#existing(path).value, value)) throw new Unfit();
  }

  #copy(from: string, path: string): void {
    const { value } = this.#existing(from);
    const bytes = this.#measure(value);
    this.#mustFit(bytes, 2 * this.#maxBytes);
    this.#add(this.#find(path), JSON.parse(JSON.stringify(value)), bytes);
  }

  #move(from: string, path: string): void {
    const source = this.#existing(from);
    if (path === from) return;
    if (path.startsWith(`${from}/`)) throw new Unfit();
    const bytes = this.#measure(source.value);
    this.#remove(source, bytes);
    this.#add(this.#find(path), source.value, bytes);
  }

  #add(place: Place, value: unknown, bytes?: number): void {
    const { parent, key } = place;
    if (place.exists && !Array.isArray(parent)) {
      this.#set(place, value, bytes);
      return;
    }
    this.#grow(place, value, (bytes ?? bytesOf(value)) + 1 + nameBytes(key));
    if (Array.isArray(parent)) {
      this.#shift(place);
      parent.splice(Number(key), 0, value);
      this.#undo.push(() => parent.splice(Number(key), 1));
    } else {
      parent[key] = value;
      this.#undo.push(() => delete parent[key]);
    }
  }

  #set(place: Place, value: unknown, bytes?: number): void {
    const { parent, key, value: before } = place;
    this.#grow(place, value, (bytes ?? bytesOf(value)) - this.#measure(before));
    const members = parent as Record<string, unknown>;
    members[key] = value;
    this.#undo.push(() => {
      members[key] = before;
    });
  }

  #remove(place: Place, bytes = this.#measure(place.value)): void {
    const { parent, key, value } = place;
    this.#bytes -= bytes + nameBytes(key);
    if (Array.isArray(parent)) {
      this.#shift(place);
      parent.splice(Number(key), 1);
      this.#undo.push(() => parent.splice(Number(key), 0, value));
    } else {
      delete parent[key];
      this.#undo.push(() => {
        parent[key] = value;
      });
    }
  }

  /** Before the value at a place changes. */
  #grow({ levels }: Place, value: unknown, bytes: number): void {
    if (levels + levelsOf(value) > MAX_JSON_LEVELS) throw new Unfit();
    this.#mustFit(bytes, 2 * this.#maxBytes);
    this.#bytes += bytes;
  }

  #mustFit(growth: number, most: number): void {
    if (this.#bytes + growth <= most) return;
    this.#bytes = this.#measure(this.#root[""] ?? null);
    if (this.#bytes + growth > most) throw new Unfit();
  }

  #measure(value: unknown): number {
    this.#budget.spend(0);
    const bytes = bytesOf(value);
    this.#budget.spend(bytes);
    return bytes;
  }

  /** All elements after one move. */
  #shift({ parent, key }: Place): void {
    this.#budget.spend((Number(parent.length) - Number(key)) / 8);
  }

  #existing(pointer: string): Place {
    const place = this.#find(pointer);
    if (!place.exists) throw new Unfit();
    return place;
  }

  #find(pointer: string): Place {
    const [before, ...names] = pointer.split("/");
    if (before !== "") throw new Unfit();
    let place = placeIn(this.#root, "", 0);
    for (const name of names) {
      if (!place.exists) throw new Unfit();
      place = placeIn(place.value, name.replaceAll("~1", "/").replaceAll("~0", "~"), place.levels + 1);
    }
    return place;
  }
}

const INDEX = /^(?:0|[1-9][0-9]{0,8})$/;

function placeIn(container: unknown, name: string, levels: number): Place {
  if (Array.isArray(container)) {
    const key = name === "-" ? container.length : Number(name);
    if ((name !== "-" && !INDEX.test(name)) || key > container.length) throw new Unfit();
    return { parent: container, key, exists: key < container.length, value: container[key], levels };
  }
  if (typeof container !== "object" || container === null) throw new Unfit();
  const parent = container as Record<string, unknown>;
  const exists = Object.hasOwn(parent, name);
  return { parent, key: name, exists, value: exists ? parent[name] : undefined, levels };
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/** Of a member's name and its colon. */
function nameBytes(key: string | number): number {
  return typeof key === "number" ? 0 : bytesOf(key) + 1;
}

/** The levels of objects and lists; one more than may be if it has more. */
function levelsOf(value: unknown, most = MAX_JSON_LEVELS): number {
  if (typeof value !== "object" || value === null) return 0;
  if (most === 0) return 1;
  let levels = 0;
  for (const member of Array.isArray(value) ? value : Object.values(value)) {
    levels = Math.max(levels, levelsOf(member, most - 1));
  }
  return levels + 1;
}

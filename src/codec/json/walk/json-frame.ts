// An object or list that the walk over a JSON body is in.
import type { Kind } from "./json-kinds.ts";
import { type JsonScanner, Names } from "./json-scanner.ts";

/** What a frame reads at the moment. */
export type Member = "field" | "unread" | "mapped" | "item" | "plain";

/** An object or list that the walk is in. */
export class Frame {
  readonly kind: Kind;
  readonly isList: boolean;
  readonly names: Names | undefined;
  /** The index after the mark that opens it, and how much white space and how many values came before. */
  readonly start: number;
  readonly spaces: number;
  readonly values: number;
  /** Where the items of a list of messages begin and end; undefined: they are not read apart. */
  bounds: number[] | undefined;
  /** Whether it stands for a message that has nothing but this list. */
  isBare = false;
  isFirst = true;
  count = 0;
  member: Member = "plain";
  memberStart = 0;
  /** What the walk goes back to after the member, or after the items. */
  pieceBefore = 0;
  before = false;
  cuttable = false;

  constructor(kind: Kind, isList: boolean, { at, spaces }: JsonScanner, values: number) {
    this.kind = kind;
    this.isList = isList;
    this.names = isList ? undefined : new Names();
    this.start = at;
    this.spaces = spaces;
    this.values = values;
  }
}

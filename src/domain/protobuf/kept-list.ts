// Lists of a response that are sent again as they were encoded before.

/** How a response is encoded: Connect's JSON, REST's JSON, or Protobuf. */
export type Form = "json" | "rest" | "proto";

/** A list of messages in one form. */
export interface KeptList {
  /** The field's local name. It has the lowest number of the response's fields. */
  readonly field: string;
  /**
   * The field as it is encoded: its value as the bytes of JSON, or tag and value of each item. Undefined: the response
   * has the items.
   */
  readonly encoded: Uint8Array | undefined;
  /** Called with the field as it was encoded. */
  keep(encoded: Uint8Array): void;
}

const KEPT = Symbol("a list that is kept encoded");

interface Keeping {
  [KEPT]?: KeptList;
}

/** Says that a list of a response is kept in the form in which the response will be encoded. */
export function setKept(response: object, kept: KeptList): void {
  Object.defineProperty(response, KEPT, { value: kept });
}

export function keptOf(response: object): KeptList | undefined {
  return (response as Keeping)[KEPT];
}

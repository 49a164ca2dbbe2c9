// The error for a body that is too large or malformed, found before it is decoded.

/** The rule of an object that holds a name twice. */
export const NAME_TWICE = "json.unique";
/** The rule of a value of a type that its field does not take. */
export const WRONG_TYPE = "json.type";

/** Each protocol reports it in its own terms. */
export class ShapeFault extends Error {
  override readonly name = "ShapeFault";
  /** The field; empty: the body. */
  readonly field: string;
  /** The rule of the contract that it breaks; undefined: the body holds more than any. */
  readonly rule: string | undefined;

  constructor(description: string, field = "", rule?: string) {
    super(description);
    this.field = field;
    this.rule = rule;
  }
}

// Takes an object apart: what has a place of its own in a part, and the rest.
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** Takes fields out of an object; what is left goes as it is. A text that no message can carry is left too. */
export class Taker {
  readonly #left: JsonObject;

  constructor(object: JsonObject) {
    this.#left = { ...object };
  }

  any(name: string): JsonValue | undefined {
    const value = this.#left[name];
    delete this.#left[name];
    return value;
  }

  text(name: string): string | undefined {
    const value = this.#left[name];
    return typeof value === "string" && value.isWellFormed() ? (this.any(name) as string) : undefined;
  }

  /** Anything but a text. */
  structure(name: string): JsonValue | undefined {
    return typeof this.#left[name] === "string" ? undefined : this.any(name);
  }

  flag(name: string): boolean | undefined {
    return typeof this.#left[name] === "boolean" ? (this.any(name) as boolean) : undefined;
  }

  /** A list of texts of one type, if it holds nothing else. */
  texts(name: string, type: string): string[] | undefined {
    const list = this.#left[name];
    if (!Array.isArray(list)) return undefined;
    const texts = list.flatMap((one) => {
      if (typeof one !== "object" || one === null || Array.isArray(one)) return [];
      const plain = one.type === type && Object.keys(one).length === 2;
      return plain && typeof one.text === "string" && one.text.isWellFormed() ? [one.text] : [];
    });
    if (texts.length !== list.length) return undefined;
    this.any(name);
    return texts;
  }

  onlyText(name: string, type: string): string | undefined {
    const list = this.#left[name];
    return Array.isArray(list) && list.length === 1 ? this.texts(name, type)?.[0] : undefined;
  }

  rest(): string {
    return JSON.stringify(this.#left);
  }
}

// The `Location` header of a creation, filled from the response.
import type { DescField, DescMethod, Message } from "@bufbuild/protobuf";
import { type FieldPath, findPath, getAt } from "./field-path.ts";
import { encodePath } from "./percent.ts";

/** Undefined while a variable has no value. */
export type LocationTemplate = (request: Message, response: Message) => string | undefined;

interface Hole {
  readonly side: "request" | "response";
  readonly path: FieldPath;
}

/** Reads a template such as `/v1/things/{thing.id}`; "" gives undefined. `refuse` is called with what is wrong. */
export function createLocation(
  method: DescMethod,
  text: string,
  prefix: string,
  refuse: (why: string) => never,
): LocationTemplate | undefined {
  if (text === "") return undefined;
  if (!text.startsWith("/")) refuse("location must begin with /");
  // Every other part is a variable.
  const parts = text.split(/\{([^{}]*)\}/);
  const holes = parts
    .filter((_, i) => i % 2 === 1)
    .map((name) => holeOf(method, name) ?? refuse(`location has no field ${name}`));
  const literals = parts.filter((_, i) => i % 2 === 0);
  if (literals.some((literal) => !/^[-._~0-9A-Za-z!$&'()*+,;=:@/%]*$/.test(literal))) refuse("location is no path");
  return (request, response) => {
    let location = prefix + literals[0];
    for (const [i, { side, path }] of holes.entries()) {
      const value = getAt(side === "request" ? request : response, path);
      if (value === undefined || value === "") return undefined;
      location += encodePath(String(value), false) + literals[i + 1];
    }
    return location;
  };
}

function holeOf(method: DescMethod, name: string): Hole | undefined {
  for (const side of ["response", "request"] as const) {
    const path = findPath(side === "response" ? method.output : method.input, name);
    if (path !== undefined && (path[path.length - 1] as DescField).fieldKind === "scalar") return { side, path };
  }
  return undefined;
}

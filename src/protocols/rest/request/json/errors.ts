// Explains why the decoder refused a JSON body, and where.
import type { DescMessage, JsonValue, Registry } from "@bufbuild/protobuf";
import { type MisfitOptions, misfitsOf } from "../../../../codec/json/json-misfits.ts";
import { bareListOf, wrapOf } from "../../binding/bare-list.ts";
import { invalidAll, type RestProblem } from "../../binding/problem.ts";

export interface ReadOptions {
  /** Skip names that are not fields, instead of refusing them. */
  readonly ignoreUnknownFields: boolean;
  /** Names in the outermost object that are skipped, whatever they hold. Default: none. */
  readonly skipped?: ReadonlySet<string>;
  /** What `google.protobuf.Any` may hold. */
  readonly registry?: Registry;
}

/**
 * The problem to report for a value that does not fit; undefined: it does.
 *
 * @param path where the value stands, empty for the whole body
 */
export function explain(
  schema: DescMessage,
  json: JsonValue,
  options: ReadOptions,
  path: string,
): RestProblem | undefined {
  const reading: MisfitOptions = { ...options, bareListOf, wrapOf };
  const misfits = misfitsOf(schema, json, reading, path);
  if (misfits.length === 0) return undefined;
  return invalidAll(misfits.map((misfit) => ({ place: "body", ...misfit })));
}

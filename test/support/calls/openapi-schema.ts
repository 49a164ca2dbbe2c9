// Checks values against the schemas of an OpenAPI document.
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import type { Json, OpenApiDocument, Schema } from "../../../scripts/openapi/index.ts";

/** Gives what is wrong with a value, or an empty list. */
export type Check = (schema: Schema, value: Json | undefined) => string[];

export function createCheck(document: OpenApiDocument): Check {
  const ajv = new Ajv2020({ strict: false, allErrors: true, formats: { int32: true, int64: true, uint64: true } });
  formats.default(ajv);
  for (const format of ["uint32", "float", "double", "binary"]) ajv.addFormat(format, true);
  // Validators resolve `#/components/…` against the document.
  ajv.addSchema({ $id: "document", components: document.components } as object);
  return (schema, value) => {
    const text = JSON.stringify(schema).replaceAll(`"#/components/`, `"document#/components/`);
    const validate = ajv.compile(JSON.parse(text) as object);
    return validate(value) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
  };
}

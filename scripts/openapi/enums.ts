// The JSON Schema of an enum: the names of its values.
import type { DescEnum } from "@bufbuild/protobuf";
import type { Schema } from "../../src/protocols/rest/docs/openapi-types.ts";
import type { Comments } from "./comments.ts";

export function enumComponent(desc: DescEnum, comments: Comments): Schema {
  if (desc.typeName === "google.protobuf.NullValue") return { type: "null" };
  const values = desc.values.map((value) => {
    const comment = comments(value);
    return comment === "" ? `- \`${value.name}\`` : `- \`${value.name}\`: ${comment}`;
  });
  const schema: Schema = { type: "string" };
  const comment = comments(desc);
  if (comment !== "") schema.description = `${comment}\n\n${values.join("\n")}`;
  schema.enum = desc.values.map((value) => value.name);
  if (desc.deprecated) schema.deprecated = true;
  return schema;
}

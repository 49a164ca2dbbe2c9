// Items of hosted tools, and of types that are not known, as parts.
import { create, type JsonObject } from "@bufbuild/protobuf";
import { type Part, PartSchema } from "../../../../../gen/colloquy/v1/part_pb.ts";
import { IMAGE_RESULT, RESULT } from "../../../../domain/files/image-result.ts";
import { AgentFailure } from "../../connector.ts";
import { MAX_ITEM_LENGTH } from "./item-members.ts";

/** Throws AgentFailure for an item that is too large. */
export function foreignPart(item: JsonObject): Part {
  const image = item.type === IMAGE_RESULT ? imageIn(item) : undefined;
  const json = JSON.stringify(image?.rest ?? item);
  if (json.length > MAX_ITEM_LENGTH) {
    throw new AgentFailure("the agent sent an item that is larger than an entry may be", { health: "up" });
  }
  return create(
    PartSchema,
    image === undefined
      ? { content: { case: "opaque", value: { format: "openai", json } } }
      : { content: { case: "file", value: image.file }, extraJson: json },
  );
}

/** The picture of an item, and the rest of that. Undefined: what is written of its bytes again would be another text. */
function imageIn({ [RESULT]: result, ...rest }: JsonObject) {
  const bytes = typeof result === "string" ? Buffer.from(result, "base64") : undefined;
  if (bytes === undefined || bytes.length === 0 || bytes.toString("base64") !== result) return undefined;
  return { rest, file: { source: { case: "data", value: bytes }, mediaType: "image/png" } } as const;
}

// Pictures that a provider's tool made: in OpenAI's words an item that holds one in base64, and here a part that is the file,
// with the rest of the item in its `extra_json`.
import { parseJson } from "../json.ts";

/** The type of the item. */
export const IMAGE_RESULT = "image_generation_call";
/** The member with the picture. */
export const RESULT = "result";

/** Whether a file's part is such an item. */
export function isImageResult(extraJson: string | undefined): boolean {
  if (!extraJson?.includes(IMAGE_RESULT)) return false;
  return (parseJson(extraJson) as { readonly type?: unknown }).type === IMAGE_RESULT;
}

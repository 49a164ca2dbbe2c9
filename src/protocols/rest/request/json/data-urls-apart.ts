// Reads a JSON body without its long data URLs, which the request has beside it.
import type { Message } from "@bufbuild/protobuf";
import { holdTexts, withEachText, withTexts } from "../../../../domain/files/inline-bytes.ts";
import type { LongDataUrls } from "../../binding/mount.ts";
import { RestProblem } from "../../binding/problem.ts";
import { shortenDataUrls } from "./long-data-urls.ts";

/** Throws a {@link RestProblem}: too_large where the rest is longer than it may be. */
export async function readWithoutDataUrls(
  whole: Buffer,
  { fields, members, maxOtherBytes }: LongDataUrls,
  read: (body: Buffer) => Promise<Message>,
): Promise<Message> {
  const { body, texts } = await shortenDataUrls(whole, members);
  if (body.byteLength > maxOtherBytes) {
    throw new RestProblem("too_large", `a body may have at most ${maxOtherBytes} bytes beside long data URLs`);
  }
  const message = await read(body);
  if (texts.size === 0) return message;
  const values = message as unknown as Record<string, unknown>;
  for (const [name, value] of Object.entries(values)) {
    if (!fields.has(name)) values[name] = withEachText(value, (text) => withTexts(text, texts));
  }
  holdTexts(message, texts);
  return message;
}

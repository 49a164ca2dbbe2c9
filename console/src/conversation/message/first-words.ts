// How a message begins, to tell it from others.
import type { Message } from "../../../../gen/colloquy/v1/message_pb.ts";

const LENGTH = 60;

/** Its first words on one line. Empty: it has no text. */
export function firstWords({ content, parts }: Pick<Message, "content" | "parts">): string {
  const texts = parts.map((part) => (part.content.case === "text" ? (part.content.value.text ?? "") : ""));
  const written = (content || texts.join(" ")).slice(0, 10 * LENGTH);
  const line = written.replace(/[#>*_`~\s]+/g, " ").trim();
  const letters = Array.from(line);
  return letters.length <= LENGTH
    ? line
    : `${letters
        .slice(0, LENGTH - 1)
        .join("")
        .trimEnd()}…`;
}

// Messages as items of type `message`.
import type { Message } from "../../../../gen/colloquy/v1/message_pb.ts";
import type { FilesInPlace } from "../files/in-place.ts";
import { itemIdOf } from "../ids.ts";
import { FORMATS, wordOfRole } from "./item-types.ts";
import { ItemWriter, statusOf, type WrittenItem } from "./item-writer.ts";
import { membersOf } from "./json-members.ts";
import type { PartJson } from "./stored-parts.ts";
import { contentText, plainContent } from "./write-content.ts";

const PREFIX = "msg";

export function writeMessage(message: Message, parts: readonly PartJson[], files: FilesInPlace): WrittenItem {
  const role = wordOfRole(message.role);
  const status = statusOf(message, parts);
  if (parts.length === 0) {
    const id = itemIdOf(message, PREFIX);
    const content = plainContent(message.content, message.role);
    return { id, json: `{"id":"${id}","type":"message","status":"${status}","role":"${role}","content":[${content}]}` };
  }
  // First in what clients send, last in what models say.
  const beside = parts.find(({ opaque }) => opaque?.format === FORMATS.message)?.opaque?.json;
  const edited = message.revision > 0;
  const contents = parts.flatMap((part) => contentText(part, message.role, files, edited) ?? []);
  const item = new ItemWriter(message, PREFIX, membersOf(beside ?? "{}") ?? new Map());
  item.add("type", '"message"');
  item.add("status", `"${status}"`);
  item.add("role", `"${role}"`);
  item.add("content", `[${contents.join(",")}]`);
  return item.done();
}

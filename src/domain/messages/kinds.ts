// The kinds of entries that a list includes.
import { type Message, MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { invalidField } from "../errors.ts";

/** The kinds that are asked for; messages alone where none are. */
export function kindsOf(asked: readonly MessageKind[]): readonly MessageKind[] {
  return asked.length === 0 ? [MessageKind.MESSAGE] : asked;
}

/** Throws INVALID_FIELD for a message that the list does not stand for. `place` is where the messages are. */
export function checkKinds(
  messages: readonly Pick<Message, "kind">[],
  kinds: readonly MessageKind[],
  place = "messages",
): void {
  const index = messages.findIndex(({ kind }) => !kinds.includes(kind || MessageKind.MESSAGE));
  if (index === -1) return;
  throw invalidField(`${place}[${index}].kind`, "must be one of kinds, by default a message", "kind.in");
}

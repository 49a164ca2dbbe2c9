// The ids that clients give to messages.
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import { DomainError, ErrorReason, invalidField } from "../errors.ts";

/** Throws INVALID_FIELD for a client id that two messages of one request have. `place` is where the messages are. */
export function checkClientIds(messages: readonly Pick<Message, "clientId">[], place = "messages"): void {
  const seen = new Set<string>();
  for (const [index, { clientId }] of messages.entries()) {
    if (clientId === "") continue;
    if (seen.has(clientId)) {
      throw invalidField(`${place}[${index}].client_id`, "must be unique in the request", "client_id.unique");
    }
    seen.add(clientId);
  }
}

/** Another message of the conversation has the client id of the one that `field` names. */
export function clientIdTaken(
  field: string,
  description = "another message of the conversation has it, with other content or another sender",
): DomainError {
  return new DomainError(ErrorReason.ALREADY_EXISTS, `${field}: ${description}`, {
    violations: [{ field, description, rule: "client_id" }],
  });
}

// The services of conversations and what is in them.
import type { ServiceEntry } from "../pipeline/service.ts";
import { createConversationService } from "../services/conversations/service.ts";
import { createMessageService, type MessageServiceOptions } from "../services/messages/service.ts";
import { createParticipantService } from "../services/participants/service.ts";
import { createReactionService } from "../services/reactions/service.ts";

export interface ConversationServicesOptions extends MessageServiceOptions {
  /** After how many days a deleted conversation is purged. Default: never. */
  readonly purgeAfterDays?: number | undefined;
}

export function createConversationServices(options: ConversationServicesOptions): ServiceEntry[] {
  return [
    createConversationService(options),
    createMessageService(options),
    createParticipantService(options),
    createReactionService(options),
  ];
}

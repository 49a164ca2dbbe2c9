// Builds the services of conversations, messages, participants and reactions.
import type { Config } from "../config/config.ts";
import type { ServiceEntry } from "../pipeline/service.ts";
import { createConversationService } from "../services/conversations/service.ts";
import { createFileService, type FileServiceOptions } from "../services/files/service.ts";
import { createMessageService } from "../services/messages/service.ts";
import { createParticipantService } from "../services/participants/service.ts";
import { createReactionService } from "../services/reactions/service.ts";

export interface ConversationServicesOptions
  extends Pick<FileServiceOptions, "database" | "secrets" | "bytes" | "renew"> {
  readonly config: Config;
}

export function createConversationServices({ config, ...parts }: ConversationServicesOptions): ServiceEntry[] {
  const { memberRoles, purgeAfterDays, files } = config;
  const options = { ...parts, memberRoles, purgeAfterDays };
  return [
    createConversationService(options),
    createMessageService(options),
    createParticipantService(options),
    createReactionService(options),
    createFileService({ ...parts, maxBytes: files.maxBytes, quota: files.quota }),
  ];
}

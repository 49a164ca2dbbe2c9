// Builds the services of conversations, messages, participants and reactions.
import type { Config } from "../config/config.ts";
import { RolePolicy } from "../domain/messages/role-policy.ts";
import type { ServiceEntry } from "../pipeline/service.ts";
import { createConversationService } from "../services/conversations/service.ts";
import { Scheduler } from "../services/drafts/scheduler.ts";
import { createDraftService } from "../services/drafts/service.ts";
import { createFileService, type FileServiceOptions } from "../services/files/service.ts";
import type { PageCache } from "../services/messages/page-cache.ts";
import { createMessageService } from "../services/messages/service.ts";
import { createParticipantService } from "../services/participants/service.ts";
import { createPresenceService } from "../services/presence/service.ts";
import { createReactionService } from "../services/reactions/service.ts";
import { createSignalService, type SignalServiceOptions } from "../services/signals/service.ts";

export interface ConversationServicesOptions
  extends Pick<FileServiceOptions, "database" | "secrets" | "bytes" | "running" | "renew" | "hints">,
    Pick<SignalServiceOptions, "signals"> {
  readonly config: Config;
  readonly pages: PageCache | undefined;
  /** Called when scheduled messages could not be looked for or sent; it is tried again. */
  readonly onError: (error: unknown) => void;
}

export interface ConversationServices {
  readonly services: readonly ServiceEntry[];
  readonly scheduler: Scheduler;
}

export function createConversationServices({
  config,
  onError,
  ...parts
}: ConversationServicesOptions): ConversationServices {
  const { memberRoles, purgeAfterDays, files } = config;
  const options = { ...parts, memberRoles, purgeAfterDays };
  const rolePolicy = new RolePolicy(memberRoles);
  const scheduler = new Scheduler({ database: parts.database, rolePolicy, onError });
  const services = [
    createConversationService(options),
    createMessageService(options),
    createParticipantService(options),
    createReactionService(options),
    createFileService({ ...parts, maxBytes: files.maxBytes, quota: files.quota }),
    createSignalService(options),
    createPresenceService(options),
    createDraftService({ ...options, rolePolicy, scheduled: () => scheduler.wake() }),
  ];
  return { services, scheduler };
}

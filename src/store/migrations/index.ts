// The migrations by name.
import type { Constructor } from "@mikro-orm/core";
import type { Migration } from "@mikro-orm/migrations";
import { ParticipantOrderMigration } from "./conversations/migration-0005-participant-order.ts";
import { ParticipantPlaceMigration } from "./conversations/migration-0008-participant-place.ts";
import { CreationOrderMigration } from "./conversations/migration-0011-creation-order.ts";
import { LabelsMigration } from "./conversations/migration-0013-labels.ts";
import { BranchesMigration } from "./conversations/migration-0018-branches.ts";
import { MemberViewsMigration } from "./conversations/migration-0023-member-views.ts";
import { SummariesMigration } from "./conversations/migration-0024-summaries.ts";
import { ConversationStateMigration } from "./conversations/migration-0034-conversation-state.ts";
import { MarkTimeMigration } from "./conversations/migration-0062-mark-time.ts";
import { CountedListsMigration } from "./conversations/migration-0065-counted-lists.ts";
import { ActiveMinuteMigration } from "./conversations/migration-0067-active-minute.ts";
import { FilesMigration } from "./files/migration-0030-files.ts";
import { UploadsMigration } from "./files/migration-0039-uploads.ts";
import { FilePurposesMigration } from "./files/migration-0043-file-purposes.ts";
import { UnsentFilesMigration } from "./files/migration-0049-unsent-files.ts";
import { FileExpiryMigration } from "./files/migration-0066-file-expiry.ts";
import { UploadPurposesMigration } from "./files/migration-0070-upload-purposes.ts";
import { UploadMetadataMigration } from "./files/migration-0077-upload-metadata.ts";
import { PurgeMigration } from "./governance/migration-0004-purge.ts";
import { PurgedAnswersMigration } from "./governance/migration-0007-purged-answers.ts";
import { LegalHoldsMigration } from "./governance/migration-0056-legal-holds.ts";
import { RetentionMigration } from "./governance/migration-0057-retention.ts";
import { ErasureMigration } from "./governance/migration-0058-erasure.ts";
import { AuditChainMigration } from "./governance/migration-0059-audit-chain.ts";
import { OutsideReadsMigration } from "./governance/migration-0060-outside-reads.ts";
import { ContentErasureMigration } from "./governance/migration-0068-content-erasure.ts";
import { FeedMigration } from "./live/migration-0003-feed.ts";
import { WebhooksMigration } from "./live/migration-0016-webhooks.ts";
import { PresenceMigration } from "./live/migration-0035-presence.ts";
import { MessageKeyMigration } from "./messages/migration-0006-message-key.ts";
import { SearchMigration } from "./messages/migration-0010-search.ts";
import { DeletedMessagesMigration } from "./messages/migration-0012-deleted-messages.ts";
import { PartsMigration } from "./messages/migration-0014-parts.ts";
import { ClientIdsMigration } from "./messages/migration-0015-client-ids.ts";
import { ReactionsMigration } from "./messages/migration-0019-reactions.ts";
import { RepliesMigration } from "./messages/migration-0021-replies.ts";
import { SenderNamesMigration } from "./messages/migration-0025-sender-names.ts";
import { DraftsMigration } from "./messages/migration-0026-drafts.ts";
import { InitialMigration } from "./migration-0001-initial.ts";
import { MIGRATION_NAMES } from "./names.ts";
import { WalBranchMigration } from "./server/migration-0061-wal-branch.ts";
import { ServerKeysMigration } from "./server/migration-0063-server-keys.ts";
import { VacuumMigration } from "./server/migration-0064-vacuum.ts";
import { AgentsMigration } from "./turns/migration-0002-agents.ts";
import { TurnEndingsMigration } from "./turns/migration-0009-turn-endings.ts";
import { TurnEntriesMigration } from "./turns/migration-0017-turn-entries.ts";
import { RecordedTurnsMigration } from "./turns/migration-0020-recorded-turns.ts";
import { McpServersMigration } from "./turns/migration-0022-mcp-servers.ts";
import { MadeFilesMigration } from "./turns/migration-0071-made-files.ts";
import { TurnCredentialsMigration } from "./turns/migration-0075-turn-credentials.ts";
import { CacheWritesMigration } from "./turns/migration-0078-cache-writes.ts";

export interface NamedMigration {
  readonly name: string;
  readonly class: Constructor<Migration>;
}

const CLASSES: Readonly<Record<(typeof MIGRATION_NAMES)[number], Constructor<Migration>>> = {
  "0001-initial": InitialMigration,
  "0002-agents": AgentsMigration,
  "0003-feed": FeedMigration,
  "0004-purge": PurgeMigration,
  "0005-participant-order": ParticipantOrderMigration,
  "0006-message-key": MessageKeyMigration,
  "0007-purged-answers": PurgedAnswersMigration,
  "0008-participant-place": ParticipantPlaceMigration,
  "0009-turn-endings": TurnEndingsMigration,
  "0010-search": SearchMigration,
  "0011-creation-order": CreationOrderMigration,
  "0012-deleted-messages": DeletedMessagesMigration,
  "0013-labels": LabelsMigration,
  "0014-parts": PartsMigration,
  "0015-client-ids": ClientIdsMigration,
  "0016-webhooks": WebhooksMigration,
  "0017-turn-entries": TurnEntriesMigration,
  "0018-branches": BranchesMigration,
  "0019-reactions": ReactionsMigration,
  "0020-recorded-turns": RecordedTurnsMigration,
  "0021-replies": RepliesMigration,
  "0022-mcp-servers": McpServersMigration,
  "0023-member-views": MemberViewsMigration,
  "0024-summaries": SummariesMigration,
  "0025-sender-names": SenderNamesMigration,
  "0026-drafts": DraftsMigration,
  "0030-files": FilesMigration,
  "0034-conversation-state": ConversationStateMigration,
  "0035-presence": PresenceMigration,
  "0039-uploads": UploadsMigration,
  "0043-file-purposes": FilePurposesMigration,
  "0049-unsent-files": UnsentFilesMigration,
  "0056-legal-holds": LegalHoldsMigration,
  "0057-retention": RetentionMigration,
  "0058-erasure": ErasureMigration,
  "0063-server-keys": ServerKeysMigration,
  "0064-vacuum": VacuumMigration,
  "0067-active-minute": ActiveMinuteMigration,
  "0070-upload-purposes": UploadPurposesMigration,
  "0071-made-files": MadeFilesMigration,
  "0059-audit-chain": AuditChainMigration,
  "0060-outside-reads": OutsideReadsMigration,
  "0068-content-erasure": ContentErasureMigration,
  "0066-file-expiry": FileExpiryMigration,
  "0061-wal-branch": WalBranchMigration,
  "0065-counted-lists": CountedListsMigration,
  "0062-mark-time": MarkTimeMigration,
  "0075-turn-credentials": TurnCredentialsMigration,
  "0077-upload-metadata": UploadMetadataMigration,
  "0078-cache-writes": CacheWritesMigration,
};

export const MIGRATIONS: readonly NamedMigration[] = MIGRATION_NAMES.map((name) => ({ name, class: CLASSES[name] }));

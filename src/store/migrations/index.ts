// The migrations by name.
import type { Constructor } from "@mikro-orm/core";
import type { Migration } from "@mikro-orm/migrations";
import { InitialMigration } from "./migration-0001-initial.ts";
import { AgentsMigration } from "./migration-0002-agents.ts";
import { FeedMigration } from "./migration-0003-feed.ts";
import { PurgeMigration } from "./migration-0004-purge.ts";
import { ParticipantOrderMigration } from "./migration-0005-participant-order.ts";
import { MessageKeyMigration } from "./migration-0006-message-key.ts";
import { PurgedAnswersMigration } from "./migration-0007-purged-answers.ts";
import { ParticipantPlaceMigration } from "./migration-0008-participant-place.ts";
import { TurnEndingsMigration } from "./migration-0009-turn-endings.ts";
import { SearchMigration } from "./migration-0010-search.ts";
import { CreationOrderMigration } from "./migration-0011-creation-order.ts";
import { DeletedMessagesMigration } from "./migration-0012-deleted-messages.ts";
import { LabelsMigration } from "./migration-0013-labels.ts";
import { PartsMigration } from "./migration-0014-parts.ts";
import { ClientIdsMigration } from "./migration-0015-client-ids.ts";
import { WebhooksMigration } from "./migration-0016-webhooks.ts";
import { TurnEntriesMigration } from "./migration-0017-turn-entries.ts";
import { BranchesMigration } from "./migration-0018-branches.ts";
import { ReactionsMigration } from "./migration-0019-reactions.ts";
import { RecordedTurnsMigration } from "./migration-0020-recorded-turns.ts";
import { RepliesMigration } from "./migration-0021-replies.ts";
import { McpServersMigration } from "./migration-0022-mcp-servers.ts";
import { MemberViewsMigration } from "./migration-0023-member-views.ts";
import { SummariesMigration } from "./migration-0024-summaries.ts";
import { SenderNamesMigration } from "./migration-0025-sender-names.ts";
import { DraftsMigration } from "./migration-0026-drafts.ts";
import { FilesMigration } from "./migration-0030-files.ts";
import { ConversationStateMigration } from "./migration-0034-conversation-state.ts";
import { PresenceMigration } from "./migration-0035-presence.ts";
import { UploadsMigration } from "./migration-0039-uploads.ts";
import { FilePurposesMigration } from "./migration-0043-file-purposes.ts";
import { UnsentFilesMigration } from "./migration-0049-unsent-files.ts";
import { LegalHoldsMigration } from "./migration-0056-legal-holds.ts";
import { RetentionMigration } from "./migration-0057-retention.ts";
import { ErasureMigration } from "./migration-0058-erasure.ts";
import { AuditChainMigration } from "./migration-0059-audit-chain.ts";
import { OutsideReadsMigration } from "./migration-0060-outside-reads.ts";
import { WalBranchMigration } from "./migration-0061-wal-branch.ts";
import { MarkTimeMigration } from "./migration-0062-mark-time.ts";
import { ServerKeysMigration } from "./migration-0063-server-keys.ts";
import { VacuumMigration } from "./migration-0064-vacuum.ts";
import { CountedListsMigration } from "./migration-0065-counted-lists.ts";
import { FileExpiryMigration } from "./migration-0066-file-expiry.ts";
import { ActiveMinuteMigration } from "./migration-0067-active-minute.ts";
import { ContentErasureMigration } from "./migration-0068-content-erasure.ts";
import { UploadPurposesMigration } from "./migration-0070-upload-purposes.ts";
import { MadeFilesMigration } from "./migration-0071-made-files.ts";
import { TurnCredentialsMigration } from "./migration-0075-turn-credentials.ts";
import { UploadMetadataMigration } from "./migration-0077-upload-metadata.ts";
import { MIGRATION_NAMES } from "./names.ts";

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
};

export const MIGRATIONS: readonly NamedMigration[] = MIGRATION_NAMES.map((name) => ({ name, class: CLASSES[name] }));

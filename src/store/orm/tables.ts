// Lists all entities and migrations, in the order in which they are applied.
import type { Options } from "@mikro-orm/postgresql";
import { MIGRATIONS, type NamedMigration } from "../migrations/index.ts";
import { AgentEntity, TurnEntity } from "./entities/agent.ts";
import { ApiKeyEntity } from "./entities/api-key.ts";
import { BranchRunEntity, LiveSegmentEntity } from "./entities/branch.ts";
import {
  ConversationEntity,
  ConversationLabelEntity,
  EventEntity,
  ParticipantEntity,
} from "./entities/conversation.ts";
import { DraftEntity, ScheduledMessageEntity } from "./entities/draft.ts";
import { FeedEntity, FeedHeadEntity, FeedNoticeEntity, FeedStateEntity } from "./entities/feed.ts";
import { FileEntity, FileUsageEntity, FileUseEntity, UploadEntity } from "./entities/file.ts";
import { ErasedEntity, JobEntity } from "./entities/job.ts";
import { LegalHoldEntity } from "./entities/legal-hold.ts";
import { MemberEntity } from "./entities/member.ts";
import { MessageEntity, MessageRevisionEntity } from "./entities/message.ts";
import { PresenceEntity, PresenceLeaseEntity, PresenceSessionEntity } from "./entities/presence.ts";
import { MentionEntity, MessageTallyEntity, ReactionEntity } from "./entities/reaction.ts";
import { AuditChainEntity, AuditEntity, IdempotencyEntity } from "./entities/record.ts";
import { RetentionPolicyEntity, RetentionRunEntity } from "./entities/retention.ts";
import { ServerKeyEntity } from "./entities/server-key.ts";
import { TenantEntity } from "./entities/tenant.ts";
import { WalBranchEntity } from "./entities/wal-branch.ts";
import { WebhookAttemptEntity, WebhookEndpointEntity, WebhookProgressEntity } from "./entities/webhook.ts";

/** The entities and migrations of a database. */
export interface Tables {
  readonly entities: NonNullable<Options["entities"]>;
  readonly migrations: readonly NamedMigration[];
}

export const TABLES: Tables = {
  entities: [
    AgentEntity,
    ApiKeyEntity,
    AuditChainEntity,
    AuditEntity,
    BranchRunEntity,
    ConversationEntity,
    ConversationLabelEntity,
    DraftEntity,
    ErasedEntity,
    EventEntity,
    FeedEntity,
    FeedHeadEntity,
    FeedNoticeEntity,
    FeedStateEntity,
    FileEntity,
    FileUsageEntity,
    FileUseEntity,
    UploadEntity,
    IdempotencyEntity,
    JobEntity,
    LegalHoldEntity,
    LiveSegmentEntity,
    MemberEntity,
    MentionEntity,
    MessageEntity,
    MessageRevisionEntity,
    MessageTallyEntity,
    ParticipantEntity,
    PresenceEntity,
    PresenceLeaseEntity,
    PresenceSessionEntity,
    ReactionEntity,
    RetentionPolicyEntity,
    RetentionRunEntity,
    ScheduledMessageEntity,
    ServerKeyEntity,
    TenantEntity,
    TurnEntity,
    WalBranchEntity,
    WebhookAttemptEntity,
    WebhookEndpointEntity,
    WebhookProgressEntity,
  ],
  migrations: MIGRATIONS,
};

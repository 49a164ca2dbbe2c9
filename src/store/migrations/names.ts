// The names of the migrations, in order, which cost nothing to know; what they do is loaded when one has to be applied.

/** Where the names of the applied ones are kept. */
export const MIGRATION_TABLE = "schema_migration";

/** A name is recorded in the database: it never changes, and new ones come last. */
export const MIGRATION_NAMES = [
  "0001-initial",
  "0002-agents",
  "0003-feed",
  "0004-purge",
  "0005-participant-order",
  "0006-message-key",
  "0007-purged-answers",
  "0008-participant-place",
  "0009-turn-endings",
  "0010-search",
  "0011-creation-order",
  "0012-deleted-messages",
  "0013-labels",
  "0014-parts",
  "0015-client-ids",
  "0016-webhooks",
  "0017-turn-entries",
  "0018-branches",
  "0019-reactions",
  "0020-recorded-turns",
  "0021-replies",
  "0022-mcp-servers",
  "0023-member-views",
  "0024-summaries",
  "0025-sender-names",
  "0026-drafts",
  "0030-files",
  "0034-conversation-state",
  "0035-presence",
  "0039-uploads",
  "0043-file-purposes",
  "0049-unsent-files",
  "0056-legal-holds",
  "0057-retention",
  "0063-server-keys",
  "0070-upload-purposes",
] as const;

// The migrations by name. A name is recorded in the database: it never changes, and new ones come last.
import type { Constructor } from "@mikro-orm/core";
import type { Migration } from "@mikro-orm/migrations";
import { InitialMigration } from "./migration-0001-initial.ts";
import { AgentsMigration } from "./migration-0002-agents.ts";
import { FeedMigration } from "./migration-0003-feed.ts";
import { PurgeMigration } from "./migration-0004-purge.ts";
import { ParticipantOrderMigration } from "./migration-0005-participant-order.ts";
import { MessageKeyMigration } from "./migration-0006-message-key.ts";

/** Where the names of the applied ones are kept. */
export const MIGRATION_TABLE = "schema_migration";

export interface NamedMigration {
  readonly name: string;
  readonly class: Constructor<Migration>;
}

export const MIGRATIONS: readonly NamedMigration[] = [
  { name: "0001-initial", class: InitialMigration },
  { name: "0002-agents", class: AgentsMigration },
  { name: "0003-feed", class: FeedMigration },
  { name: "0004-purge", class: PurgeMigration },
  { name: "0005-participant-order", class: ParticipantOrderMigration },
  { name: "0006-message-key", class: MessageKeyMigration },
];

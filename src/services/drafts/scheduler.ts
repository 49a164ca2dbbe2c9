// Sends scheduled messages at their time: each once, by whichever server takes it off the schedule.
import { ActorType } from "../../../gen/colloquy/v1/actor_pb.ts";
import { ErrorReasonSchema } from "../../../gen/colloquy/v1/error_reason_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { toAuditActor } from "../../domain/identity/actor.ts";
import { type Caller, callerFrom } from "../../domain/identity/caller.ts";
import { permit, ruleOf } from "../../domain/identity/permissions.ts";
import type { Principal } from "../../domain/identity/principal.ts";
import type { RolePolicy } from "../../domain/messages/role-policy.ts";
import { Rounds } from "../../domain/rounds.ts";
import type { Database } from "../../store/database.ts";
import { createKeyStore, createMemberStore } from "../../store/directory/access.ts";
import type { ScheduledRow } from "../../store/drafts/drafts.ts";
import { failDue, nextScheduled, readDue, takeDue } from "../../store/drafts/due.ts";
import { lockVisible } from "../conversations/access.ts";
import { sendBranched } from "../messages/send-branched.ts";
import { messageOf } from "./convert.ts";
import { dueInTurn } from "./due-in-turn.ts";

/** What another server has scheduled is seen within this time, in milliseconds, should that server be gone. */
const LOOK_EVERY_MS = 5_000;
/** Sent before it is looked for others that have become due. */
const BATCH = 50;
/** Sent at the same time. */
const PARALLEL = 4;
const MAX_FAILURE = 600;

/** Failures that pass: the message is tried again. */
const PASSING: ReadonlySet<ErrorReason> = new Set([
  ErrorReason.DATABASE_UNAVAILABLE,
  ErrorReason.OVERLOADED,
  ErrorReason.SHUTTING_DOWN,
  ErrorReason.CANCELLED,
  ErrorReason.DEADLINE_EXCEEDED,
  ErrorReason.INTERNAL,
  ErrorReason.ISSUER_UNAVAILABLE,
]);

export interface SchedulerOptions {
  readonly database: Database;
  readonly rolePolicy: RolePolicy;
  /** Called when looking or sending failed; it is tried again. */
  readonly onError: (error: unknown) => void;
}

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #rounds: Rounds;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    const round = (signal: AbortSignal) => this.#round(signal);
    this.#rounds = new Rounds({ round, everyMs: LOOK_EVERY_MS, onError: options.onError });
  }

  start(): void {
    this.#rounds.start();
  }

  /** Looks again: a message was scheduled. */
  wake(): void {
    this.#rounds.wake();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  /** Sends what is due. Returns in how many milliseconds to look again. */
  async #round(signal: AbortSignal): Promise<number> {
    const { database, onError } = this.#options;
    const left: string[] = [];
    for (;;) {
      const { due, nextInMs = LOOK_EVERY_MS } = await dueInTurn((limit, without) =>
        nextScheduled(database, limit, left, without, signal),
      );
      const batch = due.slice(0, BATCH).values();
      const send = async () => {
        for (const { tenantId, id } of batch) {
          if (signal.aborted) return;
          left.push(id);
          await this.#sendOne(tenantId, id).catch((error: unknown) => {
            if (!signal.aborted) onError(error);
          });
        }
      };
      await Promise.all(Array.from({ length: PARALLEL }, send));
      if (signal.aborted) return 0;
      if (due.length === 0) return Math.min(Math.max(Math.ceil(nextInMs), 1), LOOK_EVERY_MS);
    }
  }

  async #sendOne(tenantId: string, id: string): Promise<void> {
    const { database } = this.#options;
    const row = await readDue(database, tenantId, id);
    if (row === undefined) return;
    try {
      await this.#send(await this.#callerOf(tenantId, row), row);
    } catch (error) {
      if (!(error instanceof DomainError) || PASSING.has(error.reason)) throw error;
      await failDue(database, tenantId, id, `${reasonName(error.reason)}: ${error.message}`.slice(0, MAX_FAILURE));
    }
  }

  /** In one transaction: it is off the schedule if it is sent, and sent if it is off the schedule. */
  #send(caller: Caller, { id, conversation_id: conversationId, message }: ScheduledRow): Promise<void> {
    const { database, rolePolicy } = this.#options;
    const place = { conversation: { tenantId: caller.tenantId, id: conversationId } };
    const work = async (tx: Parameters<typeof sendBranched>[0]) => {
      // The conversation first, as everywhere: its purge takes the schedule along.
      await lockVisible(tx, caller, conversationId);
      if (!(await takeDue(tx, caller.tenantId, id))) return;
      const sending = { conversationId, messages: [messageOf(message)], ids: [id] };
      await sendBranched(tx, caller, sending, rolePolicy, () => "message");
    };
    return database.transaction(this.#rounds.signal, work, place);
  }

  /** Who scheduled it, with the permissions of now. */
  async #callerOf(tenantId: string, { scheduler }: ScheduledRow): Promise<Caller> {
    const { type, id, actingFor } = toAuditActor(scheduler);
    const principal =
      type === ActorType.API_KEY ? await this.#keyOf(tenantId, id, actingFor) : await this.#memberOf(tenantId, id);
    permit(principal, ruleOf(MessageService.method.sendMessage));
    return callerFrom(principal);
  }

  async #memberOf(tenantId: string, memberId: string): Promise<Principal> {
    const member = await createMemberStore(this.#options.database).find(tenantId, memberId);
    if (member === undefined || member.deleted) throw refused("the member was deleted");
    return { kind: "member", tenantId, memberId, role: member.role };
  }

  async #keyOf(tenantId: string, keyId: string, memberId: string | undefined): Promise<Principal> {
    const key = await createKeyStore(this.#options.database).find(tenantId, keyId);
    const now = Date.now();
    if (key === undefined || (key.revokedAt ?? now + 1) <= now || (key.expiresAt ?? now + 1) <= now) {
      throw refused("the API key has expired or was revoked");
    }
    if (memberId === undefined) return { kind: "key", tenantId, keyId, scopes: key.scopes, memberId };
    const member = await createMemberStore(this.#options.database).find(tenantId, memberId);
    if (member === undefined || member.deleted) throw refused("the member was deleted");
    return { kind: "key", tenantId, keyId, scopes: key.scopes, memberId, memberRole: member.role };
  }
}

function reasonName(reason: ErrorReason): string {
  return (ErrorReasonSchema.value[reason]?.name ?? "").replace("ERROR_REASON_", "");
}

function refused(description: string): DomainError {
  return new DomainError(ErrorReason.PERMISSION_DENIED, description);
}

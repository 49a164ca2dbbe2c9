// Schedules a message: whether it could be sent now is checked now, and again at its time.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ScheduleMessageRequest,
  ScheduleMessageResponseSchema,
} from "../../../gen/colloquy/v1/draft_service_pb.ts";
import { DomainError, ErrorReason, invalidField } from "../../domain/errors.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { newId } from "../../domain/ids/id.ts";
import { checkClientIds } from "../../domain/messages/client-ids.ts";
import type { MessageDraft } from "../../domain/messages/diff.ts";
import type { RolePolicy } from "../../domain/messages/role-policy.ts";
import type { Queryable } from "../../store/database.ts";
import { scheduleMessage } from "../../store/drafts/drafts.ts";
import { readNameableFile } from "../../store/files/files.ts";
import { namedFiles, requireSeen } from "../../store/files/named-files.ts";
import { lockVisible, requireOpen, requireWrite } from "../conversations/access.ts";
import { toDate, toDraft } from "../convert.ts";
import { checkParents } from "../messages/branches.ts";
import { checkNaming } from "../messages/references.ts";
import { fileIdsOf, messageBytes, toScheduled } from "./convert.ts";

const MAX_DAYS = 90;
const DAY_MS = 24 * 60 * 60 * 1000;
/** For each caller. */
const MAX_SCHEDULED = 1_000;
const MAX_BYTES = 16 * 1024 * 1024;
const FIELD = "scheduled_message";

export async function schedule(
  tx: Queryable,
  caller: Caller,
  { conversationId, scheduledMessage: asked }: ScheduleMessageRequest,
  rolePolicy: RolePolicy,
): Promise<MessageInitShape<typeof ScheduleMessageResponseSchema>> {
  if (asked?.message === undefined) throw invalidField(`${FIELD}.message`, "must be set", "required");
  const time = timeOf(asked.sendTime && toDate(asked.sendTime));
  const { message } = asked;
  checkClientIds([message]);
  checkParents([message]);
  const draft = toDraft(message);
  requireSomething(draft);
  rolePolicy.check(caller, [draft], () => `${FIELD}.message`);
  const row = await lockVisible(tx, caller, conversationId);
  requireWrite(caller, row);
  requireOpen(row.status);
  await checkNaming(tx, caller, row, [{ naming: message, field: `${FIELD}.message` }]);
  await requireFiles(tx, caller, draft, time);
  const wish = {
    id: newId(),
    conversationId: row.id,
    message: messageBytes(message),
    fileIds: fileIdsOf(message),
    time,
  };
  const made = await scheduleMessage(tx, caller, wish, MAX_SCHEDULED, MAX_BYTES);
  if (made === undefined) {
    const description = `${MAX_SCHEDULED} scheduled messages, with 16 MiB in all, are the most that a caller may have`;
    throw new DomainError(ErrorReason.QUOTA_EXCEEDED, description, {
      quota: { subject: caller.actor, description },
    });
  }
  return { scheduledMessage: toScheduled(made) };
}

/** Sent at once, an empty message is there to be seen; here it would be noticed when its time has come. */
function requireSomething({ content, parts, metadata }: MessageDraft): void {
  if (content !== "" || parts !== undefined || metadata !== undefined) return;
  throw invalidField(`${FIELD}.message`, "must have content, parts or metadata", "message.empty");
}

/** They are looked for again when it is sent; one whose time to live ends before that would not be found. */
async function requireFiles(tx: Queryable, caller: Caller, draft: MessageDraft, sendTime: Date): Promise<void> {
  const named = namedFiles([draft]) ?? [];
  const seen = new Set<string>();
  for (const { id, place } of named.flat()) {
    const file = await readNameableFile(tx, caller, id);
    if (file === undefined) continue;
    seen.add(id);
    if (file.expire_time === null || file.expire_time > sendTime) continue;
    const rule = `expires at ${file.expire_time.toISOString()}, before the message is sent`;
    throw invalidField(`${FIELD}.message.${place}`, rule, "file.expires");
  }
  requireSeen(
    named,
    (id) => seen.has(id),
    () => `${FIELD}.message`,
  );
}

function timeOf(time: Date | undefined): Date {
  const field = `${FIELD}.send_time`;
  if (time === undefined) throw invalidField(field, "must be set", "required");
  const ahead = time.getTime() - Date.now();
  if (ahead <= 0) throw invalidField(field, "must be in the future", "timestamp.gt_now");
  if (ahead > MAX_DAYS * DAY_MS) {
    throw invalidField(field, `must be at most ${MAX_DAYS} days ahead`, "timestamp.within");
  }
  return time;
}

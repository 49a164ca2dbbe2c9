// Whom the records of an import may name. Authors are taken as given, but nobody may pass for another kind of actor.
import type { Actor } from "../../../../gen/colloquy/v1/actor_pb.ts";
import type { MessageRevision } from "../../../../gen/colloquy/v1/message_pb.ts";
import type { ParticipantRecord } from "../../../../gen/colloquy/v1/record_pb.ts";
import { isMemberId, MEMBER_ID_RULE } from "../../../domain/identity/principal.ts";
import { isReserved } from "../../../domain/identity/reserved.ts";
import { fault } from "./line-fault.ts";

export function checkMembers(field: string, participants: readonly ParticipantRecord[]): void {
  const alien = participants.findIndex(({ memberId }) => !isMemberId(memberId));
  if (alien !== -1) fault(`${field}.participants[${alien}].member_id: ${MEMBER_ID_RULE}`);
}

export function checkEditors(field: string, revisions: readonly MessageRevision[]): void {
  for (const [index, { editor }] of revisions.entries()) checkAuthor(`${field}.revisions[${index}].editor`, editor);
}

/** The store tells actors by what their texts begin with. */
export function checkAuthor(field: string, author: Actor | undefined): void {
  if (author !== undefined && isReserved(author.id)) {
    fault(`${field}.id: must not begin with key:, agent: or system:; the type says what it is`);
  }
}

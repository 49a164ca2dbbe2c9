// What others are told of a member's presence.
import { PresenceMode, PresenceState } from "../../../gen/colloquy/v1/presence_pb.ts";
import type { PresenceRow } from "../../store/presence/presence.ts";

export interface MemberPresence {
  readonly memberId: string;
  readonly state: PresenceState;
  readonly lastSeen: Date | null;
}

export function presenceOf({ member_id: memberId, mode, present, last_seen_time }: PresenceRow): MemberPresence {
  if (mode === PresenceMode.HIDDEN) return { memberId, state: PresenceState.OFFLINE, lastSeen: null };
  if (!present) return { memberId, state: PresenceState.OFFLINE, lastSeen: last_seen_time };
  const state = mode === PresenceMode.AWAY ? PresenceState.AWAY : PresenceState.ONLINE;
  return { memberId, state, lastSeen: null };
}

/** Of a member that is not known any more. */
export function absent(memberId: string): MemberPresence {
  return { memberId, state: PresenceState.OFFLINE, lastSeen: null };
}

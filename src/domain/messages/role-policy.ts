// Which roles a caller may give to messages: models trust the system's and the assistant's words more than a user's.
import { MessageRole } from "../../../gen/colloquy/v1/message_pb.ts";
import { DomainError, ErrorReason } from "../errors.ts";
import type { Caller } from "../identity/caller.ts";
import type { MessageDiff, MessageDraft } from "./diff.ts";

/** The words for roles in settings and errors. */
export const ROLE_NAMES = {
  user: MessageRole.USER,
  assistant: MessageRole.ASSISTANT,
  system: MessageRole.SYSTEM,
  tool: MessageRole.TOOL,
  developer: MessageRole.DEVELOPER,
} as const;

export type RoleName = keyof typeof ROLE_NAMES;

const WORDS: ReadonlyMap<MessageRole, string> = new Map(
  Object.entries(ROLE_NAMES).map(([word, role]) => [role as MessageRole, word]),
);

export class RolePolicy {
  readonly #members: ReadonlySet<MessageRole> | undefined;

  /** @param members the roles that members, and keys that act for one, may give to messages; undefined: all */
  constructor(members: readonly RoleName[] | undefined) {
    this.#members = members && new Set(members.map((word) => ROLE_NAMES[word]));
  }

  /** Administrators, and keys on their own, speak in any role. */
  may(caller: Caller, role: MessageRole): boolean {
    return this.#members === undefined || caller.viewer.kind === "tenant" || this.#members.has(role);
  }

  /**
   * Throws PERMISSION_DENIED for a new message in a role that is not the caller's, or under a name that it may not give.
   * `field` names the message.
   */
  check(caller: Caller, drafts: readonly MessageDraft[], field: (index: number) => string): void {
    drafts.forEach(({ role }, index) => {
      if (!this.may(caller, role)) throw refused(`${field(index)}.role`, role);
    });
    checkSenderNames(caller, drafts, field);
  }

  /**
   * The same for a new list of messages: a message that the conversation already holds in that role may stay. `stored`
   * yields the conversation's messages in batches, and is read only if needed.
   */
  async checkList(
    caller: Caller,
    wanted: readonly MessageDraft[],
    stored: AsyncIterable<readonly Said[]>,
  ): Promise<void> {
    const unsaid = new Map(wanted.filter(({ role }) => !this.may(caller, role)).map((draft) => [keyOf(draft), draft]));
    if (unsaid.size === 0) return;
    for await (const piece of stored) {
      for (const message of piece) {
        unsaid.delete(keyOf(message));
        // A draft without parts keeps those of the stored message.
        unsaid.delete(keyOf({ ...message, parts: undefined }));
      }
      if (unsaid.size === 0) return;
    }
    for (const { role } of unsaid.values()) throw refused("messages", role);
  }

  /** The same for an edit: a change of role or content counts as a new message in that role. */
  checkEdit(caller: Caller, edit: MessageDiff["edits"][number]): void {
    if (rewords(edit) && !this.may(caller, edit.role)) throw refused("message.role", edit.role);
  }
}

/** Throws PERMISSION_DENIED for a name of the sender that is given by who speaks for itself alone. */
export function checkSenderNames(
  { viewer }: Caller,
  drafts: readonly Pick<MessageDraft, "senderName">[],
  field: (index: number) => string,
): void {
  if (viewer.kind === "tenant") return;
  const index = drafts.findIndex(({ senderName }) => senderName !== undefined);
  if (index === -1) return;
  const rule = "must be unset unless an administrator, or an API key on its own, sends the message";
  throw new DomainError(ErrorReason.PERMISSION_DENIED, `${field(index)}.sender.display_name: ${rule}`);
}

/** A message's content and role. */
type Said = Pick<MessageDraft, "kind" | "role" | "content" | "parts">;

function rewords({ before, role, content, parts }: MessageDiff["edits"][number]): boolean {
  return role !== before.role || content !== before.content || parts !== before.parts;
}

function keyOf({ kind, role, content, parts }: Said): string {
  return JSON.stringify([kind, role, content, parts]);
}

function refused(field: string, role: MessageRole): DomainError {
  const word = WORDS.get(role) ?? String(role);
  const rule = `must be a role in which members may speak, which "${word}" is not on this server`;
  return new DomainError(ErrorReason.PERMISSION_DENIED, `${field}: ${rule}`);
}

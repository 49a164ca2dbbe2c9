// In which roles a caller may speak: what is said as the system, or for the assistant, reaches models as such.
import { MessageRole } from "../../../gen/colloquy/v1/message_pb.ts";
import { DomainError, ErrorReason } from "../errors.ts";
import type { Caller } from "../identity/caller.ts";
import type { MessageDiff, MessageDraft } from "./diff.ts";

/** The words for roles in settings and errors. */
export const SPEAKERS = {
  user: MessageRole.USER,
  assistant: MessageRole.ASSISTANT,
  system: MessageRole.SYSTEM,
  tool: MessageRole.TOOL,
  developer: MessageRole.DEVELOPER,
} as const;

export type Speaker = keyof typeof SPEAKERS;

const WORDS: ReadonlyMap<MessageRole, string> = new Map(
  Object.entries(SPEAKERS).map(([word, role]) => [role as MessageRole, word]),
);

export class Speaking {
  readonly #members: ReadonlySet<MessageRole> | undefined;

  /** @param members the roles that members, and keys that act for one, may give to messages; undefined: all */
  constructor(members: readonly Speaker[] | undefined) {
    this.#members = members && new Set(members.map((word) => SPEAKERS[word]));
  }

  /** Administrators, and keys on their own, speak in any role. */
  may(caller: Caller, role: MessageRole): boolean {
    return this.#members === undefined || caller.viewer.kind === "tenant" || this.#members.has(role);
  }

  /** Throws PERMISSION_DENIED for a new message in a role that is not the caller's. `field` names its role. */
  check(caller: Caller, drafts: readonly MessageDraft[], field: (index: number) => string): void {
    drafts.forEach(({ role }, index) => {
      if (!this.may(caller, role)) throw refused(field(index), role);
    });
  }

  /**
   * The same for a new list of messages: what was said before, in the role that it has, may be said again. `stored` gives
   * what the conversation holds, a piece at a time, and is read only where it matters.
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
        // Whoever says no parts leaves them as they are.
        unsaid.delete(keyOf({ ...message, parts: undefined }));
      }
      if (unsaid.size === 0) return;
    }
    for (const { role } of unsaid.values()) throw refused("messages", role);
  }

  /** The same for the edit of a message: a change of its words is new words in its role. */
  checkEdit(caller: Caller, edit: MessageDiff["edits"][number]): void {
    if (rewords(edit) && !this.may(caller, edit.role)) throw refused("message.role", edit.role);
  }
}

/** What somebody said, and as what. */
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

// Which roles a caller may give to messages: models trust the system's and the assistant's words more than a user's.
import { MessageRole } from "../../../gen/colloquy/v1/message_pb.ts";
import { DomainError, ErrorReason } from "../errors.ts";
import type { Caller } from "../identity/caller.ts";
import { parseJson } from "../json.ts";
import type { MessageDiff, MessageDraft } from "./diff.ts";
import { type Voice, voicesOf } from "./voices.ts";

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

interface GivenOptions {
  readonly model: string;
  readonly instructions: string;
  readonly parametersJson: string;
}

export class RolePolicy {
  readonly #members: ReadonlySet<MessageRole> | undefined;

  /** @param members the roles that members, and keys that act for one, may give to messages; undefined: all */
  constructor(members: readonly RoleName[] | undefined) {
    this.#members = members && new Set(members.map((word) => ROLE_NAMES[word]));
  }

  /**
   * The first voice of a message that is not the caller's. Administrators, and keys on their own, speak in any role.
   */
  #foreignVoice({ viewer }: Caller, message: Pick<MessageDraft, "kind" | "role" | "parts">): Voice | undefined {
    const members = this.#members;
    if (members === undefined || viewer.kind === "tenant") return undefined;
    for (const voice of voicesOf(message)) if (!members.has(voice.role)) return voice;
    return undefined;
  }

  /**
   * Throws PERMISSION_DENIED for a new message in a role that is not the caller's, with a part that speaks in one, or
   * under a name that it may not give.
   * `field` names the message.
   */
  check(caller: Caller, drafts: readonly MessageDraft[], field: (index: number) => string): void {
    drafts.forEach((draft, index) => {
      const voice = this.#foreignVoice(caller, draft);
      if (voice !== undefined) throw refused(`${field(index)}.${voice.part ?? "role"}`, voice);
    });
    checkSenderNames(caller, drafts, field);
  }

  /**
   * Throws PERMISSION_DENIED for options of a turn that are not the caller's to give: instructions reach the model as
   * the system's words, by whatever name, and which model runs is the operator's to say. Who may speak as the system
   * may give all.
   *
   * @param options whose JSON was checked
   */
  checkOptions({ viewer }: Caller, options: GivenOptions | undefined): void {
    const members = this.#members;
    if (options === undefined || members === undefined || viewer.kind === "tenant") return;
    if (members.has(MessageRole.SYSTEM)) return;
    const { instructions, model, parametersJson } = options;
    const parameters = parametersJson === "" ? {} : (parseJson(parametersJson) as Record<string, unknown>);
    const given = [
      ...(instructions === "" ? [] : ["instructions"]),
      ...(model === "" ? [] : ["model"]),
      ...["instructions", "prompt"].filter((name) => name in parameters).map((name) => `parameters_json.${name}`),
    ];
    const [field] = given;
    if (field === undefined) return;
    const rule = 'must not be given by members, who may not speak as "system" on this server';
    throw new DomainError(ErrorReason.PERMISSION_DENIED, `options.${field}: ${rule}`);
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
    const unsaid = new Map<string, Voice>();
    for (const draft of wanted) {
      const voice = this.#foreignVoice(caller, draft);
      if (voice !== undefined) unsaid.set(keyOf(draft), voice);
    }
    if (unsaid.size === 0) return;
    for await (const piece of stored) {
      for (const message of piece) {
        unsaid.delete(keyOf(message));
        // A draft without parts keeps those of the stored message.
        unsaid.delete(keyOf({ ...message, parts: undefined }));
      }
      if (unsaid.size === 0) return;
    }
    for (const voice of unsaid.values()) throw refused("messages", voice);
  }

  /** The same for an edit: a change of role or content counts as a new message in that role. */
  checkEdit(caller: Caller, edit: MessageDiff["edits"][number]): void {
    if (!rewords(edit)) return;
    const voice = this.#foreignVoice(caller, edit);
    if (voice !== undefined) throw refused(`message.${voice.part ?? "role"}`, voice);
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

function refused(field: string, { role, part }: Voice): DomainError {
  const word = WORDS.get(role) ?? String(role);
  const rule =
    part === undefined
      ? `must be a role in which members may speak, which "${word}" is not on this server`
      : `must not be given by members, for it speaks as "${word}"`;
  return new DomainError(ErrorReason.PERMISSION_DENIED, `${field}: ${rule}`);
}

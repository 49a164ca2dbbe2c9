// Of the posted messages, those that the conversation does not have: the ones after the last that it has.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { MessageRole, type MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { invalidField } from "../../domain/errors.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import { hasMessage } from "../shared/history.ts";
import { textOf, toParts } from "./content.ts";
import { type PostedMessage, readSpoken } from "./input.ts";

/** Each is looked up and stored. */
const MAX_NEW = 100;

const ROLES: ReadonlyMap<string, MessageRole> = new Map([
  ["user", MessageRole.USER],
  ["system", MessageRole.SYSTEM],
  ["developer", MessageRole.DEVELOPER],
  ["assistant", MessageRole.ASSISTANT],
]);

/** What else a thread may hold: a client's results are answers, and the rest is the agent's own. */
const OTHERS: ReadonlySet<string> = new Set(["tool", "reasoning", "activity"]);
const KNOWN = [...ROLES.keys(), ...OTHERS].join(", ");

export interface NewMessage {
  readonly role: MessageRole;
  /** Its place in `messages`. */
  readonly at: number;
  readonly message: MessageInitShape<typeof MessageSchema>;
}

/** @param conversationId empty: there is none yet, so that all are new */
export async function newMessages(
  canonical: Canonical,
  context: CallContext,
  conversationId: string,
  posted: readonly PostedMessage[],
): Promise<NewMessage[]> {
  const found: NewMessage[] = [];
  // What an agent has said is what it said here. A back end may bring what was said before there was a conversation.
  const takesAll = conversationId === "" && isBackEnd(context);
  for (const [at, one] of [...posted.entries()].reverse()) {
    const role = ROLES.get(one.role);
    // What nobody knows must not look as if it had been taken.
    if (role === undefined && !OTHERS.has(one.role)) {
      throw invalidField(`messages[${at}].role`, `must be one of ${KNOWN}`, "messages.role");
    }
    if (role === undefined || (role === MessageRole.ASSISTANT && !takesAll)) continue;
    // Nobody asks anything.
    if (role === MessageRole.ASSISTANT && found.length === 0) return [];
    const message = readMessage(one, role, at);
    if (conversationId !== "" && (await hasMessage(canonical, context, conversationId, one.id))) break;
    found.push({ role, at, message });
    if (found.length > MAX_NEW) throw invalidField("messages", `must hold at most ${MAX_NEW} new ones`, "messages.new");
  }
  return found.reverse();
}

function readMessage(posted: PostedMessage, role: MessageRole, at: number): NewMessage["message"] {
  const { id, content, metadata } = readSpoken(posted, at);
  const field = `messages[${at}].content`;
  const isMetadata = typeof metadata === "object" && metadata !== null && !Array.isArray(metadata);
  return {
    role,
    clientId: id,
    ...(Array.isArray(content) && role === MessageRole.USER
      ? { parts: toParts(content, field) }
      : { content: textOf(content) }),
    ...(isMetadata && { metadata: metadata as never }),
  };
}

/** A key that acts for nobody, which may write in any role. */
function isBackEnd({ principal }: CallContext): boolean {
  return principal.kind === "key" && principal.memberId === undefined && principal.client === undefined;
}

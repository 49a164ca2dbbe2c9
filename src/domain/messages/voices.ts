// The roles in which a message speaks to a model: its own, and those of the parts that a model reads as its own doing.
import { MessageKind, MessageRole } from "../../../gen/colloquy/v1/message_pb.ts";
import { parseJson } from "../json.ts";
import type { MessageDraft } from "./diff.ts";

/** A role, and the part that speaks in it; undefined: the message as a whole. */
export interface Voice {
  readonly role: MessageRole;
  readonly part?: string;
}

/** The parts that agents and tools write, by their names in JSON. */
const PARTS: ReadonlyMap<string, MessageRole> = new Map([
  ["reasoning", MessageRole.ASSISTANT],
  ["toolCall", MessageRole.ASSISTANT],
  ["approvalRequest", MessageRole.ASSISTANT],
  ["toolResult", MessageRole.TOOL],
  ["approvalResponse", MessageRole.TOOL],
]);

/** What it says is that of its role alone. */
type Spoken = Pick<MessageDraft, "kind" | "role" | "parts">;

/** The roles in which a message speaks, its own first. */
export function* voicesOf({ kind, role, parts }: Spoken): Generator<Voice> {
  yield { role };
  // It takes the place of messages of every role.
  if (kind === MessageKind.SUMMARY) yield { role: MessageRole.SYSTEM };
  if (parts === undefined) return;
  for (const [index, part] of (parseJson(parts) as Readonly<Record<string, unknown>>[]).entries()) {
    for (const name of Object.keys(part)) {
      const own = PARTS.get(name) ?? (name === "opaque" && isItem(part.opaque) ? MessageRole.SYSTEM : undefined);
      if (own !== undefined) yield { role: own, part: `parts[${index}].${fieldName(name)}` };
    }
  }
}

/** The formats whose items go back to their provider as they are, in whatever role they say. */
const ITEM_FORMATS: ReadonlySet<unknown> = new Set(["openai", "anthropic"]);

/** What stands beside a message's content (`openai/item`), and what other clients keep, is read by no model. */
function isItem(opaque: unknown): boolean {
  return ITEM_FORMATS.has((opaque as { readonly format?: string }).format);
}

function fieldName(jsonName: string): string {
  return jsonName.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

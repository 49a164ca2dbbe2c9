// Questions of a provider whether a tool of a server that it reaches itself may run, and the answers to them.
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Part } from "../../../gen/colloquy/v1/part_pb.ts";
import { parseJson } from "../json.ts";
import { readParts } from "../parts/stored.ts";
import type { Row } from "./call-pairs.ts";

/** The type of the item that asks. */
const QUESTION = "mcp_approval_request";

/** Goes through entries in their order. */
export class ProviderConsents {
  /** The ids of the questions so far. */
  readonly #asked = new Set<string>();

  /** Whether the entry is such a question, or the answer to one that came before. */
  has({ kind, parts }: Pick<Row, "kind" | "parts">): boolean {
    if (kind === MessageKind.APPROVAL_RESPONSE) {
      return readParts(parts).some(
        ({ content }) => content.case === "approvalResponse" && this.#asked.has(content.value.approvalId ?? ""),
      );
    }
    if (kind !== MessageKind.APPROVAL_REQUEST && !(kind === MessageKind.ITEM && parts?.includes(QUESTION)))
      return false;
    const ids = readParts(parts).flatMap((part) => providerQuestion(part) ?? []);
    for (const id of ids) this.#asked.add(id);
    return ids.length > 0;
  }
}

/** The id of a provider's question. Undefined: it is none; ours is about a call, and names no server. */
export function providerQuestion({ content, extraJson }: Part): string | undefined {
  if (content.case === "approvalRequest") {
    const { approvalId = "", callId } = content.value;
    if (callId !== undefined || approvalId === "") return undefined;
    return textIn(extraJson, "server_label") ? approvalId : undefined;
  }
  if (content.case !== "opaque" || content.value.format !== "openai") return undefined;
  return textIn(content.value.json, "type") === QUESTION ? textIn(content.value.json, "id") : undefined;
}

function textIn(json: string | undefined, name: string): string | undefined {
  if (!json?.includes(`"${name}"`)) return undefined;
  const { [name]: text } = (parseJson(json) ?? {}) as Readonly<Record<string, unknown>>;
  return typeof text === "string" && text !== "" ? text : undefined;
}

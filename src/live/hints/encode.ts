// Hints as text, for the transport to other servers.
import type { Hint, HintKind } from "./hints.ts";

const LETTERS: Readonly<Record<HintKind, string>> = { log: "l", turn: "t", cancel: "c", state: "s", access: "a" };
const KINDS: Readonly<Record<string, HintKind>> = { l: "log", t: "turn", c: "cancel", s: "state", a: "access" };
const UUID_BYTES = 16;
const FORM = /^([ltcsa])([\w-]{22})([\w-]{22})$/;

/** The length of one hint as text, with the separator. */
export const HINT_LENGTH = 46;

/** 45 characters each, joined by a comma. */
export function encodeHints(hints: readonly Hint[]): string {
  return hints
    .map(({ kind, tenantId, conversationId }) => LETTERS[kind] + encodeId(tenantId) + encodeId(conversationId))
    .join();
}

/** Undefined: not in the format of this release. */
export function decodeHints(text: string): Hint[] | undefined {
  const hints: Hint[] = [];
  for (const part of text.split(",")) {
    const [, letter = "", tenantId = "", conversationId = ""] = FORM.exec(part) ?? [];
    const kind = KINDS[letter];
    if (kind === undefined) return undefined;
    hints.push({ kind, tenantId: decodeId(tenantId), conversationId: decodeId(conversationId) });
  }
  return hints;
}

function encodeId(id: string): string {
  return Buffer.from(id.replaceAll("-", ""), "hex").toString("base64url");
}

function decodeId(text: string): string {
  const hex = Buffer.from(text, "base64url").subarray(0, UUID_BYTES).toString("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

// A box that one writes in, and the message that is on its way from it.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MessageSchema } from "../../../../gen/colloquy/v1/message_pb.ts";
import { contentOf } from "../written.ts";

/** A message that was sent and may not have come: the server and the feed know it by the id. */
export interface Attempt {
  readonly id: string;
  readonly text: string;
  /** Of what is attached. Default: nothing is. */
  readonly fileIds?: readonly string[];
}

/** What is sent. */
export function messageOf({ id, text, fileIds = [] }: Attempt): MessageInitShape<typeof MessageSchema> {
  const files = fileIds.map((fileId) => ({ id: fileId }));
  return Object.assign(contentOf({ text, files }), { clientId: id });
}

export interface Sending {
  readonly content: string;
  readonly attempt?: Attempt | undefined;
  /** Whether its response is waited for. */
  readonly isBusy: boolean;
  readonly error?: unknown;
}

export const NOTHING: Sending = { content: "", isBusy: false };

export function typed(before: Sending, content: string): Sending {
  return { ...before, content };
}

/** What was written before the page was left, with what was on its way then. */
export function restored(content: string, attempt: Attempt | undefined): Sending {
  return { content, attempt, isBusy: false };
}

/**
 * Sends what the box holds. The same text with the same files tried again is the same message. Undefined: there is nothing to
 * send, or something is on its way.
 */
export function begun(
  before: Sending,
  newId: () => string,
  fileIds: readonly string[] = [],
): (Sending & { readonly attempt: Attempt }) | undefined {
  const { content: text, attempt: last, isBusy } = before;
  if (isBusy || (text.trim() === "" && fileIds.length === 0)) return undefined;
  const isSame = last?.text === text && (last.fileIds ?? []).join() === fileIds.join();
  const attempt = isSame ? last : { id: newId(), text, ...(fileIds.length > 0 && { fileIds }) };
  return { content: text, attempt, isBusy: true };
}

/** The message is there, as its response or the feed tells. What was typed meanwhile stays. */
export function arrived(before: Sending, id: string): Sending {
  if (before.attempt?.id !== id) return before;
  return { content: rest(before.content, before.attempt.text), isBusy: false };
}

/** No response has come, or a refusal. */
export function failed(before: Sending, id: string, error: unknown): Sending {
  return before.attempt?.id === id ? { ...before, isBusy: false, error } : before;
}

/** What was typed behind a text that is sent. A text that was changed stays whole. */
function rest(content: string, sent: string): string {
  const behind = content.startsWith(sent) ? content.slice(sent.length) : content;
  return behind === "" || /^\s/.test(behind) ? behind.trimStart() : content;
}

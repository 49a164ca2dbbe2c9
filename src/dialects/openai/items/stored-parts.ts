// The parts of an entry as the store's JSON has them: read from its text, for building parts of the contract takes
// longer.
import type { Message } from "../../../../gen/colloquy/v1/message_pb.ts";
import { partsText } from "../../../domain/parts/stored.ts";
import { lazyText } from "../../../domain/protobuf/lazy-field.ts";

/** A part in JSON, as far as items are made of it. */
export interface PartJson {
  readonly id?: string;
  readonly state?: string;
  readonly extraJson?: string;
  readonly text?: { readonly text?: string; readonly annotations?: readonly AnnotationJson[] };
  readonly reasoning?: { readonly text?: string; readonly summary?: readonly string[]; readonly encrypted?: string };
  readonly toolCall?: {
    readonly callId?: string;
    readonly name?: string;
    readonly arguments?: string;
    readonly type?: string;
  };
  readonly toolResult?: {
    readonly callId?: string;
    readonly text?: string;
    readonly json?: string;
    readonly parts?: { readonly parts?: readonly PartJson[] };
  };
  readonly approvalRequest?: { readonly approvalId?: string; readonly callId?: string };
  readonly approvalResponse?: { readonly approvalId?: string; readonly granted?: boolean; readonly reason?: string };
  readonly file?: FileJson;
  readonly refusal?: { readonly text?: string };
  readonly opaque?: { readonly format?: string; readonly json?: string };
}

export interface AnnotationJson {
  readonly start?: number;
  readonly end?: number;
  readonly extraJson?: string;
  readonly url?: { readonly url?: string; readonly title?: string };
  readonly file?: {
    readonly fileId?: string;
    readonly containerId?: string;
    readonly filename?: string;
    readonly index?: number;
  };
}

export interface FileJson {
  readonly fileId?: string;
  readonly url?: string;
  /** In base64. */
  readonly data?: string;
  readonly mediaType?: string;
  readonly name?: string;
  readonly detail?: string;
}

export function storedParts(message: Message): readonly PartJson[] {
  const text = lazyText(message, "parts") ?? partsText(message.parts);
  return text === null ? [] : (JSON.parse(text) as PartJson[]);
}

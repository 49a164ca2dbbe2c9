// Pictures and files that items have in place: stored as files before the items are, and named by them.
import { invalidField } from "../../../domain/errors.ts";
import { type InlineTexts, lengthOfTexts, withEachText, withTexts } from "../../../domain/files/inline-bytes.ts";
import { MAX_PARTS_BYTES } from "../../../domain/parts/rules.ts";
import type { CallContext } from "../../../pipeline/call/call.ts";
import type { Canonical } from "../../../services/in-process/in-process.ts";
import { fileIdInUrl } from "../../shared/files/content-url.ts";
import { type FileToStore, mayUpload, storeOnce } from "../../shared/files/store-once.ts";
import type { MessageDraft } from "../items/drafts.ts";
import { withStoredFiles } from "./store-drafts.ts";

/**
 * The entries with stored files in place of what is long, and of the URLs of their content that
 * this API gives in place of the largest: the same files, which the caller must see. A retry, which has the same key,
 * finds the files of the first attempt. What stays in place: files past the 20 that a message names, what would come
 * back as other text, and all of a token for one conversation. Throws what CreateFile throws, and INVALID_FIELD for what
 * cannot stay.
 *
 * @param context with the key of the request
 * @param name of the field that has the items
 */
export type KeepInPlace = (
  context: CallContext,
  drafts: readonly MessageDraft[],
  texts: InlineTexts,
  name: string,
) => Promise<MessageDraft[]>;

export interface Stores {
  readonly canonical: Canonical;
  /** Whether the server's ports speak TLS: for the URLs of files. */
  readonly tls: boolean;
}

export function createKeepInPlace({ canonical, tls }: Stores): KeepInPlace {
  return async (context, drafts, texts, name) => {
    const how = {
      store: mayUpload(context)
        ? (file: FileToStore) => storeOnce(canonical, context, context.idempotencyKey, file)
        : undefined,
      idInUrl: (url: string) => fileIdInUrl(context, tls, url),
    };
    const kept: MessageDraft[] = [];
    for (const [index, draft] of drafts.entries()) {
      const stored = await withStoredFiles(draft, texts, how);
      kept.push(texts.size === 0 ? stored : withTextsBack(stored, texts, `${name}[${index}]`));
    }
    return kept;
  };
}

/** With the texts that are no files, or that no file could be made of. */
function withTextsBack(draft: MessageDraft, texts: InlineTexts, place: string): MessageDraft {
  let length = 0;
  return withEachText(draft, (text) => {
    length += lengthOfTexts(text, texts);
    if (length > MAX_PARTS_BYTES) {
      throw invalidField(place, `must be at most ${MAX_PARTS_BYTES} bytes of JSON beside its files`, "parts.max_bytes");
    }
    return withTexts(text, texts);
  }) as MessageDraft;
}

// What is written and not sent, in the session storage of this tab: the server's draft lags behind, belongs to the
// credential that wrote it, and cannot be written once that is refused.
import type { Session } from "../../auth/session.ts";
import type { Pieces } from "../written.ts";
import type { Attempt } from "./sending.ts";

export interface Written extends Pieces {
  /** Of the server's draft with this. Empty: the server does not have it. */
  readonly etag: string;
  /** What was sent and may not have come. */
  readonly attempt?: Attempt | undefined;
}

interface Kept extends Written {
  readonly tenant: string;
  readonly writer: string;
}

export interface DraftMemory {
  /** @param box the conversation's id, or what else tells one box from another */
  read(box: string): (Written & { readonly isOther: boolean }) | undefined;
  write(box: string, written: Written): void;
  remove(box: string): void;
}

const PREFIX = "colloquy.draft.";

/** Whose they are: after a credential has expired, another person may sign in. Keys that act for nobody are one. */
export function draftMemory(storage: Storage, { tenant, name, credential, actFor }: Session): DraftMemory {
  const isKey = credential.startsWith("clq_") && actFor === undefined;
  const writer = isKey ? `key ${name}` : `member ${name}`;
  const mayRead = (kept: Kept) =>
    kept.tenant === tenant && (kept.writer === writer || (isKey && kept.writer.startsWith("key ")));
  return {
    read(box) {
      const kept = parsed(storage.getItem(PREFIX + box));
      return kept && mayRead(kept) ? { ...kept, isOther: kept.writer !== writer } : undefined;
    },
    write(box, written) {
      try {
        storage.setItem(PREFIX + box, JSON.stringify({ ...written, tenant, writer } satisfies Kept));
      } catch {
        // It is full: the server's draft remains.
      }
    },
    remove: (box) => storage.removeItem(PREFIX + box),
  };
}

/** Signing out leaves nothing in the tab. */
export function forgetDrafts(storage: Storage): void {
  for (const key of Object.keys(storage)) if (key.startsWith(PREFIX)) storage.removeItem(key);
}

/**
 * What a box begins with.
 *
 * @param kept what this tab has
 * @param drafted what the server has, which another device may have changed
 */
export function beginning(
  kept: (Written & { readonly isOther: boolean }) | undefined,
  drafted: Pieces | undefined,
): Pieces {
  // What the server has not got is newer. Of another key, it has no draft to show.
  if (kept !== undefined && (kept.etag === "" || kept.isOther)) return { text: kept.text, files: kept.files ?? [] };
  return drafted ?? { text: "", files: [] };
}

function parsed(json: string | null): Kept | undefined {
  try {
    const kept: unknown = JSON.parse(json ?? "null");
    return typeof kept === "object" && kept !== null && "text" in kept ? (kept as Kept) : undefined;
  } catch {
    return undefined;
  }
}

// Keeps what is written in a box: at once in this tab, and after a pause as the server's draft, which one's other devices
// see.
import { type Client, createClient } from "@connectrpc/connect";
import { useEffect, useEffectEvent, useMemo, useRef } from "react";
import { DraftService } from "../../../../gen/colloquy/v1/draft_service_pb.ts";
import { useServices } from "../../app/services.ts";
import { contentOf, isBlank, isEmpty, isSame, type Pieces, piecesOf } from "../written.ts";
import { beginning, type DraftMemory, draftMemory, type Written } from "./draft-memory.ts";
import type { Attempt } from "./sending.ts";
import type { Attachments } from "./use-attachments.ts";
import type { SendingBox } from "./use-sending.ts";

/** How long nothing is typed before the server is told, in milliseconds. */
const PAUSE_MS = 1_000;

interface Drafted extends Pieces {
  readonly etag: string;
}

export interface DraftPlace {
  readonly conversationId: string;
  /** The message that is replied to. Such a draft stays in this tab: the server has one for a conversation. */
  readonly replyTo?: string;
}

export function useDraft(
  { conversationId, replyTo = "" }: DraftPlace,
  box: SendingBox,
  { stored: files, restore }: Pick<Attachments, "stored" | "restore">,
): void {
  const { session, transport } = useServices();
  const place = replyTo === "" ? conversationId : `${conversationId}/${replyTo}`;
  /** What the server has. Undefined: it is not known, or not to be touched. */
  const drafted = useRef<Drafted>(undefined);
  /** Whether the box had something in it: before, that it is empty means nothing. */
  const wasWritten = useRef(false);
  const queue = useRef(Promise.resolve());
  const memory = (): DraftMemory | undefined => {
    const current = session.current();
    return current && draftMemory(sessionStorage, current);
  };
  const { content: text, attempt } = box;
  const written = useMemo(() => ({ text, files }), [text, files]);

  const tell = useEffectEvent(async () => {
    const known = drafted.current;
    if (known === undefined || isSame(known, written) || !wasWritten.current) return;
    if (session.current() === undefined) return;
    const drafts = createClient(DraftService, transport);
    try {
      if (isBlank(written)) {
        await drafts.deleteDraft({ conversationId });
        drafted.current = { text: "", etag: "" };
        memory()?.remove(place);
        return;
      }
      const { draft } = await drafts.setDraft({ conversationId, message: contentOf(written) });
      const etag = draft?.etag ?? "";
      drafted.current = { ...written, etag };
      const kept = memory()?.read(place);
      if (kept !== undefined && isSame(kept, written)) memory()?.write(place, { ...kept, etag });
    } catch {
      // This tab has it, and the server is told with the next change.
    }
  });
  /** One after the other: the last one must be what stays. */
  const tellNext = useEffectEvent(() => {
    queue.current = queue.current.then(tell);
  });
  const begin = useEffectEvent((found: Pieces, before: Attempt | undefined) => {
    if (isEmpty(found) || wasWritten.current) return;
    box.restore(found.text, before);
    restore(found.files ?? []);
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each place
  useEffect(() => {
    let isGone = false;
    const kept = memory()?.read(place);
    if (kept !== undefined && (replyTo !== "" || kept.etag === "")) begin(kept, kept.attempt);
    if (replyTo !== "") return;
    const read = async () => {
      const found = await readDraft(createClient(DraftService, transport), conversationId, kept);
      if (isGone || found === undefined) return;
      drafted.current = found;
      begin(beginning(kept, found), kept?.attempt);
      // It was sent, and the page left before the server's draft was deleted.
      if (kept !== undefined && isEmpty(kept)) wasWritten.current = true;
      tellNext();
    };
    void read();
    return () => {
      isGone = true;
    };
  }, [place, transport]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: with each change of what is written
  useEffect(() => {
    if (isEmpty(written) && !wasWritten.current) return;
    wasWritten.current = true;
    const known = drafted.current;
    if (isEmpty(written) && (known === undefined || isEmpty(known))) memory()?.remove(place);
    else memory()?.write(place, { ...written, etag: known && isSame(known, written) ? known.etag : "", attempt });
  }, [written, attempt, place]);
  useEffect(() => {
    if (isEmpty(written) && !wasWritten.current) return;
    // What was sent is no draft from then on.
    const timer = setTimeout(() => tellNext(), isEmpty(written) ? 0 : PAUSE_MS);
    return () => clearTimeout(timer);
  }, [written]);
  useEffect(() => {
    const leave = () => tellNext();
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      leave();
    };
  }, []);
}

/** Where the server cannot say, what this tab knows of it. Undefined: what it has is left alone. */
async function readDraft(
  drafts: Client<typeof DraftService>,
  conversationId: string,
  kept: Written | undefined,
): Promise<Drafted | undefined> {
  try {
    // A list, for that there is none is no failure: browsers write each of these into their console.
    const [draft] = (await drafts.listDrafts({ conversationId })).drafts;
    if (draft?.message === undefined) return { text: "", etag: "" };
    const pieces = piecesOf(draft.message);
    return pieces && { ...pieces, etag: draft.etag };
  } catch {
    return kept?.etag ? { text: kept.text, files: kept.files, etag: kept.etag } : { text: "", etag: "" };
  }
}

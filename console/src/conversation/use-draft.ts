// Keeps what is written in a box: at once in this tab, and after a pause as the server's draft, which one's other devices
// see.
import { type Client, createClient } from "@connectrpc/connect";
import { useEffect, useEffectEvent, useRef } from "react";
import { DraftService } from "../../../gen/colloquy/v1/draft_service_pb.ts";
import { useServices } from "../app/services.ts";
import { beginning, type DraftMemory, draftMemory, type Written } from "./draft-memory.ts";
import type { Attempt } from "./sending.ts";
import type { SendingBox } from "./use-sending.ts";

/** How long nothing is typed before the server is told, in milliseconds. */
const PAUSE_MS = 1_000;

export interface DraftPlace {
  readonly conversationId: string;
  /** The message that is replied to. Such a draft stays in this tab: the server has one for a conversation. */
  readonly replyTo?: string;
}

export function useDraft({ conversationId, replyTo = "" }: DraftPlace, box: SendingBox): void {
  const { session, transport } = useServices();
  const place = replyTo === "" ? conversationId : `${conversationId}/${replyTo}`;
  /** What the server has. Undefined: it is not known, or not to be touched. */
  const drafted = useRef<{ text: string; etag: string }>(undefined);
  /** Whether the box had something in it: before, that it is empty means nothing. */
  const wasWritten = useRef(false);
  const queue = useRef(Promise.resolve());
  const memory = (): DraftMemory | undefined => {
    const current = session.current();
    return current && draftMemory(sessionStorage, current);
  };
  const { content, attempt } = box;

  const tell = useEffectEvent(async () => {
    const known = drafted.current;
    if (known === undefined || known.text === content || !wasWritten.current || session.current() === undefined) return;
    const drafts = createClient(DraftService, transport);
    try {
      if (content.trim() === "") {
        await drafts.deleteDraft({ conversationId });
        drafted.current = { text: "", etag: "" };
        memory()?.remove(place);
        return;
      }
      const { draft } = await drafts.setDraft({ conversationId, message: { content } });
      const etag = draft?.etag ?? "";
      drafted.current = { text: content, etag };
      const kept = memory()?.read(place);
      if (kept?.text === content) memory()?.write(place, { ...kept, etag });
    } catch {
      // This tab has it, and the server is told with the next change.
    }
  });
  /** One after the other: the last one must be what stays. */
  const tellNext = useEffectEvent(() => {
    queue.current = queue.current.then(tell);
  });
  const begin = useEffectEvent((text: string, before: Attempt | undefined) => {
    if (text !== "" && !wasWritten.current) box.restore(text, before);
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each place
  useEffect(() => {
    let isGone = false;
    const kept = memory()?.read(place);
    if (replyTo !== "" || kept?.etag === "") begin(kept?.text ?? "", kept?.attempt);
    if (replyTo !== "") return;
    const read = async () => {
      const found = await readDraft(createClient(DraftService, transport), conversationId, kept);
      // One with files, which another client has made, is left alone.
      if (isGone || (found?.message?.parts.length ?? 0) > 0) return;
      drafted.current = { text: found?.message?.content ?? "", etag: found?.etag ?? "" };
      begin(beginning(kept, found?.message?.content), kept?.attempt);
      // It was sent, and the page left before the server's draft was deleted.
      if (kept?.text === "") wasWritten.current = true;
      tellNext();
    };
    void read();
    return () => {
      isGone = true;
    };
  }, [place, transport]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: with each change of what is written
  useEffect(() => {
    if (content === "" && !wasWritten.current) return;
    wasWritten.current = true;
    if (content === "" && !drafted.current?.text) memory()?.remove(place);
    else {
      const etag = drafted.current?.text === content ? drafted.current.etag : "";
      memory()?.write(place, { text: content, etag, attempt });
    }
  }, [content, attempt, place]);
  useEffect(() => {
    if (content === "" && !wasWritten.current) return;
    // What was sent is no draft from then on.
    const timer = setTimeout(() => tellNext(), content === "" ? 0 : PAUSE_MS);
    return () => clearTimeout(timer);
  }, [content]);
  useEffect(() => {
    const leave = () => tellNext();
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      leave();
    };
  }, []);
}

/** Undefined: there is none. Where the server cannot say, what this tab knows of it. */
async function readDraft(
  drafts: Client<typeof DraftService>,
  conversationId: string,
  kept: Written | undefined,
): Promise<
  { readonly message?: { content: string; parts: readonly unknown[] } | undefined; readonly etag: string } | undefined
> {
  try {
    // A list, for that there is none is no failure: browsers write each of these into their console.
    return (await drafts.listDrafts({ conversationId })).drafts[0];
  } catch {
    if (!kept?.etag) return undefined;
    return { message: { content: kept.text, parts: [] }, etag: kept.etag };
  }
}

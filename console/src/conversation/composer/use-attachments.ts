// Uploads what is attached to a message, with the client that everybody has.
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useServices } from "../../app/services.ts";
import { PICTURES } from "../message/file-facts.ts";
import { type Attachment, changed, MOST_FILES, type StoredFile, storedFiles } from "./attachments.ts";

export interface Attachments {
  readonly all: readonly Attachment[];
  /** Those that are stored. */
  readonly stored: readonly StoredFile[];
  readonly fileIds: readonly string[];
  /** Whether some are not stored: under way, or failed. */
  readonly isIncomplete: boolean;
  /** Whether more were chosen than a message may have. */
  readonly isTooMany: boolean;
  add(files: readonly File[]): void;
  /** Takes in what the server has: what was attached before the page was left. */
  restore(files: readonly StoredFile[]): void;
  retry(key: string): void;
  /** Takes one out: its upload is cancelled. */
  remove(key: string): void;
  /** Takes out those that were sent. */
  sent(fileIds: readonly string[]): void;
}

export function useAttachments(): Attachments {
  const { session } = useServices();
  const [all, setAll] = useState<readonly Attachment[]>([]);
  const [isTooMany, setIsTooMany] = useState(false);
  const latest = useRef(all);
  const uploads = useRef(new Map<string, AbortController>());
  const change = useCallback((next: readonly Attachment[]) => {
    for (const { key, picture } of latest.current) {
      if (picture !== undefined && !next.some((one) => one.key === key)) URL.revokeObjectURL(picture);
    }
    latest.current = next;
    setAll(next);
  }, []);

  const upload = async ({ key, file }: Attachment) => {
    const current = session.current();
    if (current === undefined || file === undefined) return;
    const controller = new AbortController();
    uploads.current.set(key, controller);
    const set = (what: Parameters<typeof changed>[2]) => {
      if (!controller.signal.aborted) change(changed(latest.current, key, what));
    };
    set({ error: undefined, sentBytes: 0 });
    try {
      // It is read when the first file is sent.
      const { createClient } = await import("../../../../src/client/client.ts");
      const { credential: token, actFor } = current;
      const client = createClient({ baseUrl: location.origin, token, ...(actFor !== undefined && { actFor }) });
      const onProgress = (sentBytes: number) => set({ sentBytes });
      const stored = await client.uploadFile(file, { signal: controller.signal, onProgress });
      const { id: fileId, name, mediaType } = stored;
      set({ fileId, name, mediaType, sentBytes: file.size });
    } catch (error) {
      set({ error });
    }
  };
  const remove = (keys: readonly string[]) => {
    for (const key of keys) uploads.current.get(key)?.abort();
    change(latest.current.filter(({ key }) => !keys.includes(key)));
    setIsTooMany(false);
  };

  useEffect(() => {
    const controllers = uploads.current;
    return () => {
      for (const controller of controllers.values()) controller.abort();
      change([]);
    };
  }, [change]);

  const stored = useMemo(() => storedFiles(all), [all]);
  return {
    all,
    stored,
    fileIds: stored.map(({ id }) => id),
    isIncomplete: all.some(({ fileId }) => fileId === undefined),
    isTooMany,
    add(files) {
      if (files.length === 0) return;
      const room = MOST_FILES - latest.current.length;
      setIsTooMany(files.length > room);
      const added = files.slice(0, room).map(
        (file): Attachment => ({
          key: crypto.randomUUID(),
          name: file.name,
          mediaType: file.type,
          file,
          sentBytes: 0,
          picture: PICTURES.test(file.type) ? URL.createObjectURL(file) : undefined,
        }),
      );
      change([...latest.current, ...added]);
      for (const one of added) void upload(one);
    },
    restore(files) {
      const known = new Set(latest.current.map(({ fileId }) => fileId));
      const added = files
        .filter(({ id }) => !known.has(id))
        .map(({ id, ...facts }): Attachment => ({ key: id, ...facts, fileId: id, sentBytes: 0 }));
      if (added.length > 0) change([...added, ...latest.current]);
    },
    retry(key) {
      const one = latest.current.find((other) => other.key === key);
      if (one !== undefined) void upload(one);
    },
    remove: (key) => remove([key]),
    sent: (fileIds) => remove(latest.current.flatMap(({ key, fileId }) => (fileIds.includes(fileId ?? "") ? key : []))),
  };
}

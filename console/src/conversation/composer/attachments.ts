// Files that are to be sent with a message: chosen, uploaded, and named by the ids that the server gives.

/** A file that the server has. */
export interface StoredFile {
  readonly id: string;
  /** Empty: it is not known yet. */
  readonly name: string;
  readonly mediaType: string;
}

export interface Attachment {
  /** Tells it from the others of the box. */
  readonly key: string;
  readonly name: string;
  readonly mediaType: string;
  /** What is uploaded. Undefined: it was before the page was opened. */
  readonly file?: File | undefined;
  /** An address of its bytes, of a picture. */
  readonly picture?: string | undefined;
  readonly sentBytes: number;
  /** Once it is stored. */
  readonly fileId?: string | undefined;
  readonly error?: unknown;
}

/** Files that a message may name. */
export const MOST_FILES = 20;

export function changed(
  before: readonly Attachment[],
  key: string,
  change: Partial<Omit<Attachment, "key" | "file">>,
): readonly Attachment[] {
  return before.map((one) => (one.key === key ? { ...one, ...change } : one));
}

/** Those that are stored, in their order. */
export function storedFiles(attachments: readonly Attachment[]): readonly StoredFile[] {
  return attachments.flatMap(({ fileId: id, name, mediaType }) => (id === undefined ? [] : { id, name, mediaType }));
}

/** The files of a paste or a drop. Text that was copied together with a picture of it is text. */
export function filesOf(data: DataTransfer | null): readonly File[] {
  if (data === null || data.types.includes("text/plain")) return [];
  return [...data.files];
}

// The text of a message that one edits, and what somebody else makes of it meanwhile.

/** A text and the etag that it had. */
export interface Version {
  readonly content: string;
  readonly etag: string;
}

export type Standing =
  /** Nobody else has changed the text: it is saved with the etag of what was read last. */
  | { readonly is: "current"; readonly etag: string }
  /** Somebody else has: saving with this etag writes over it, which must be meant. */
  | { readonly is: "behind"; readonly etag: string }
  /** The message says what was to be saved. */
  | { readonly is: "saved" };

/**
 * @param base what the editor was opened with
 * @param now the message as it is
 * @param own what the editor holds
 * @param isSent whether it was sent to be saved, and its response is not known
 */
export function standing(base: Version, now: Version, own: string, isSent: boolean): Standing {
  if (isSent && now.content === own && now.etag !== base.etag) return { is: "saved" };
  // Its etag changes also with what an edit of the text leaves as it is.
  if (now.content === base.content || now.content === own) return { is: "current", etag: now.etag };
  return { is: "behind", etag: now.etag };
}

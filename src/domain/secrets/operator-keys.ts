// The operator's keys, which encrypt the keys in the database.

/** Of 32 bytes each. */
export interface OperatorKeys {
  /** Encrypts what is written; undefined: nothing is encrypted. */
  readonly current: Uint8Array | undefined;
  /** The one before it, which still opens what it has encrypted. */
  readonly old: Uint8Array | undefined;
}

/** The keys of the settings, in base64. */
export function operatorKeys(given: {
  readonly key: string | undefined;
  readonly oldKey?: string | undefined;
}): OperatorKeys {
  return { current: bytesOf(given.key), old: bytesOf(given.oldKey) };
}

function bytesOf(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : Buffer.from(text, "base64");
}

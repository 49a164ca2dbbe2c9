// Names what a response shows, where that is known without encoding it.

const TAG = Symbol("what a response shows");

interface Tagged {
  [TAG]?: string;
}

/** `tag`, a digest in base64url, differs between all that the same request may be answered with. */
export function setStateTag(response: object, tag: string): void {
  Object.defineProperty(response, TAG, { value: tag });
}

export function stateTagOf(response: object): string | undefined {
  return (response as Tagged)[TAG];
}

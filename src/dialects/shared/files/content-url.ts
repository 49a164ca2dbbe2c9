// The URL of a stored file's content, as answers have it where its bytes do not fit, and the file that such a URL names.
import { isFileId } from "../../../domain/files/named.ts";
import { calledOrigin } from "../called-origin.ts";

type Head = Parameters<typeof calledOrigin>[0];

/** @param tls whether the server's ports speak TLS */
export function contentUrlOf(head: Head, tls: boolean, fileId: string): string {
  return `${calledOrigin(head, tls)}/v1/files/${fileId}/content`;
}

/** The id in what {@link contentUrlOf} gives for the same origin; undefined: it is another URL. */
export function fileIdInUrl(head: Head, tls: boolean, url: string): string | undefined {
  const id = url.slice(-"/content".length - ID_LENGTH, -"/content".length);
  return isFileId(id) && id === id.toLowerCase() && url === contentUrlOf(head, tls, id) ? id : undefined;
}

const ID_LENGTH = 36;

// What @tus/server refuses, in our words: its errors are plain text.
import { ERRORS } from "@tus/server";
import { DomainError, ErrorReason, invalidField, notFound } from "../../domain/errors.ts";
import { wrongChecksum } from "../http/body/checksums.ts";

const LENGTH = invalidField("upload-length", "must be given", "required");
const OFFSET = invalidField("upload-offset", "must be where the upload stands: ask by HEAD", "upload.offset");
const TYPE = invalidField("content-type", "must be application/offset+octet-stream", "const");
const METADATA = invalidField(
  "upload-metadata",
  "must be keys with values in base64, between commas",
  "upload.metadata",
);

const FAULTS: ReadonlyMap<string, DomainError> = new Map([
  [ERRORS.INVALID_LENGTH.body, LENGTH],
  [ERRORS.MISSING_OFFSET.body, invalidField("upload-offset", "must be given", "required")],
  [ERRORS.INVALID_CONTENT_TYPE.body, TYPE],
  [ERRORS.INVALID_METADATA.body, METADATA],
  [ERRORS.INVALID_TERMINATION.body, new DomainError(ErrorReason.CONFLICT, "the upload is a file already")],
]);
/** What is wrong with a header that is there. */
const HEADERS: Readonly<Record<string, DomainError>> = {
  "content-type": TYPE,
  "tus-resumable": invalidField("tus-resumable", "must be 1.0.0", "const"),
  "upload-length": invalidField("upload-length", "must be a number of bytes", "upload.length"),
  "upload-metadata": METADATA,
  "upload-offset": invalidField("upload-offset", "must be a number of bytes", "upload.offset"),
};

/** The status of its own that tus has for a piece whose bytes are not those that were sent. */
const CHECKSUM_MISMATCH = 460;

/** As @tus/server wants errors that have a status. */
export class WrongChecksum extends Error {
  readonly status_code = CHECKSUM_MISMATCH;
  /** The header that says another one. */
  readonly body: string;

  constructor(header: string) {
    super("the bytes have another checksum than the request says");
    this.body = header;
  }
}

/** @param text what the response would have said. @param maxBytes of an upload */
export function faultOf(status: number, text: string, maxBytes: number): DomainError {
  const known = FAULTS.get(text);
  if (known !== undefined) return known;
  switch (status) {
    case 404:
    case 410:
      return notFound("upload");
    case 409:
      return new DomainError(ErrorReason.ETAG_MISMATCH, OFFSET.message, OFFSET.details);
    case 412:
      return invalidField("tus-resumable", "must be 1.0.0", "const");
    case 413:
      return new DomainError(
        ErrorReason.TOO_LARGE,
        `an upload may have at most ${maxBytes} bytes, and no more than its upload-length`,
      );
    case CHECKSUM_MISMATCH:
      return wrongChecksum(text);
    case 501:
      return new DomainError(ErrorReason.UNSUPPORTED, "this extension of tus is not supported");
    default: {
      if (status >= 500) return new DomainError(ErrorReason.INTERNAL, text);
      const [header = ""] = /^Invalid (\S+)/.exec(text)?.slice(1) ?? [];
      return HEADERS[header] ?? invalidField(header || "upload", "must be as tus 1.0 says", "upload");
    }
  }
}

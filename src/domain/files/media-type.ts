// The media types of files: which are shown in a browser, and which are accepted as the client declares them.

/** What browsers show without running anything in it. SVG and HTML are not among them. */
const SHOWN: ReadonlySet<string> = new Set([
  "image/png",
  "image/apng",
  "image/jpeg",
  "image/gif",
  "image/webp",
  "image/avif",
  "audio/mpeg",
  "audio/ogg",
  "audio/wav",
  "audio/aac",
  "audio/flac",
  "audio/mp4",
  "audio/x-m4a",
  "video/mp4",
  "video/webm",
  "video/ogg",
  "video/quicktime",
  "application/pdf",
]);

/** Whether it may be shown in a browser instead of being saved. */
export function isShown(mediaType: string): boolean {
  return SHOWN.has(mediaType);
}

const UNKNOWN = "application/octet-stream";
const PLAIN = "text/plain";

/** Types that are recognized by their bytes; declared for other bytes, they are false. */
const SHOWS = /^(?:image|audio|video|font)\/|^application\/(?:pdf|zip|gzip|x-7z-compressed|vnd\.rar|wasm)$/;
const SVG = "image/svg+xml";
/** A zip can be many kinds of documents, and so can XML: for these the declared type is accepted. */
const CONTAINERS: ReadonlyMap<string, RegExp> = new Map([
  ["application/zip", /^application\/(?:.+\+zip|vnd\..+|java-archive|epub\+zip)$/],
  ["application/xml", /^(?:image\/svg\+xml|.+\/xml|.+\+xml|text\/html)$/],
  ["application/x-cfb", /^application\/(?:msword|vnd\.ms-.+)$/],
]);

/**
 * The media type of a file.
 *
 * @param found what its bytes show; undefined: nothing
 * @param said what it was said to be, without parameters, in lower case; undefined: nothing, or no media type
 * @param isText whether its beginning is text in UTF-8
 */
export function mediaTypeOf(found: string | undefined, said: string | undefined, isText: boolean): string {
  if (found !== undefined) return said !== undefined && CONTAINERS.get(found)?.test(said) ? said : found;
  if (said === undefined || said === UNKNOWN) return isText ? PLAIN : UNKNOWN;
  if (said === SVG) return isText ? SVG : UNKNOWN;
  if (said.startsWith("text/") && !isText) return UNKNOWN;
  return SHOWS.test(said) ? (isText ? PLAIN : UNKNOWN) : said;
}

/** The type of a `Content-Type`, without its parameters; undefined: it is none. */
export function plainType(contentType: string): string | undefined {
  const [type = ""] = contentType.split(";");
  const plain = type.trim().toLowerCase();
  return /^[a-z0-9!#$&^_.+-]{1,127}\/[a-z0-9!#$&^_.+-]{1,127}$/.test(plain) ? plain : undefined;
}

// Thrown where a response is not read to its end. Apart from what loads undici, for those that only recognize it.

/** A response has more bytes than allowed, or a content encoding that was not requested. */
export class ResponseTooLarge extends Error {
  override readonly name = "ResponseTooLarge";
}

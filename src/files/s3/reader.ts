// Reads a stretch of an object at the reader's pace; where the connection breaks, it goes on from there.
import { GetObjectCommand } from "@aws-sdk/client-s3";
import { type ByteRange, PIECE_BYTES } from "../byte-store.ts";
import type { Bucket } from "./bucket.ts";
import { isGone, isRefused, throwUnavailable } from "./faults.ts";

/** So often in a row it may break without a byte more. */
const TRIES = 3;

export async function* readObject(
  bucket: Bucket,
  object: string,
  { offset, length }: ByteRange,
): AsyncGenerator<Uint8Array> {
  const end = offset + length;
  let at = offset;
  let etag: string | undefined;
  for (let tries = 0; at < end; ) {
    try {
      const answer = await bucket.client.send(
        new GetObjectCommand({
          Bucket: bucket.name,
          Key: object,
          Range: `bytes=${at}-${end - 1}`,
          ...(etag !== undefined && { IfMatch: etag }),
        }),
      );
      etag = answer.ETag;
      for await (const chunk of answer.Body as AsyncIterable<Buffer>) {
        // Never more than was asked for, whatever the store sends.
        const wanted = chunk.subarray(0, end - at);
        at += wanted.byteLength;
        tries = 0;
        for (let from = 0; from < wanted.byteLength; from += PIECE_BYTES)
          yield wanted.subarray(from, from + PIECE_BYTES);
        if (at === end) return;
      }
    } catch (error) {
      if (isGone(error) || isRefused(error) || tries + 1 >= TRIES) throwUnavailable(error);
    }
    if (++tries > TRIES) throw new Error("a stored file is shorter than it was");
  }
}

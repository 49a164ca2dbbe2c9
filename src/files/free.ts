// Frees the memory of bytes that nobody reads any more, before the collector looks for it.

/** Less is not worth it, and may be a part of memory that Node shares out. */
const LEAST_BYTES = 16 * 1024;

/** Only where the bytes have their memory for themselves: then they are empty afterwards. */
export function free(bytes: Uint8Array): void {
  const { buffer, byteLength } = bytes;
  if (byteLength < LEAST_BYTES || buffer.byteLength !== byteLength || !(buffer instanceof ArrayBuffer)) return;
  buffer.transfer(0);
}

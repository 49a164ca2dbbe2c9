// HMAC with SHA-256 (RFC 2104) of short messages, in two calls: an Hmac object of Node's takes several times as long.
import { hash } from "node:crypto";

const BLOCK_BYTES = 64;
const INNER = 0x36;
const OUTER = 0x5c;

/** The 32 bytes that authenticate the parts, one after the other. */
export function hmacSha256(key: Uint8Array, parts: readonly Uint8Array[]): Buffer {
  const short = key.byteLength > BLOCK_BYTES ? sha256(key) : key;
  const inner = sha256(Buffer.concat([padded(short, INNER), ...parts]));
  return sha256(Buffer.concat([padded(short, OUTER), inner]));
}

function padded(key: Uint8Array, pad: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES, pad);
  for (let i = 0; i < key.byteLength; i++) block[i] = (key[i] as number) ^ pad;
  return block;
}

function sha256(bytes: Uint8Array): Buffer {
  return hash("sha256", bytes, "buffer");
}

// Encrypts keys that are stored in the database with a key of the operator's: AES-256-GCM, bound to what they are for.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

/** The first byte, for future formats. */
const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Separates the key that wraps from other uses of the operator's key. */
const USE = "colloquy key wrap";

/** @param key the operator's, of 32 bytes; `name`: what the wrapped bytes are for */
export function wrap(bytes: Uint8Array, key: Uint8Array, name: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", wrappingKey(key), nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(name));
  const text = Buffer.concat([cipher.update(bytes), cipher.final()]);
  return Buffer.concat([Buffer.of(VERSION), nonce, cipher.getAuthTag(), text]);
}

/** Throws if the key or the name differs, or the bytes are damaged. */
export function unwrap(wrapped: Uint8Array, key: Uint8Array, name: string): Buffer {
  const bytes = Buffer.from(wrapped);
  if (bytes[0] !== VERSION || bytes.length < 1 + NONCE_BYTES + TAG_BYTES) throw new Error("not wrapped");
  const nonce = bytes.subarray(1, 1 + NONCE_BYTES);
  const tag = bytes.subarray(1 + NONCE_BYTES, 1 + NONCE_BYTES + TAG_BYTES);
  const decipher = createDecipheriv("aes-256-gcm", wrappingKey(key), nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(name)).setAuthTag(tag);
  return Buffer.concat([decipher.update(bytes.subarray(1 + NONCE_BYTES + TAG_BYTES)), decipher.final()]);
}

function wrappingKey(key: Uint8Array): Buffer {
  return Buffer.from(hkdfSync("sha256", key, new Uint8Array(), USE, 32));
}

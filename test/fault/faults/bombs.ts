// Small bodies that become large: compressed, nested, repeated.
import { brotliCompressSync, constants, deflateSync, gzipSync } from "node:zlib";

const ZEROS = Buffer.alloc(64 << 20);

/** So many bytes of nothing, 64 MiB unless told, in a thousandth of that. */
export function gzipBomb(bytes = ZEROS.byteLength): Buffer {
  return gzipSync(ZEROS.subarray(0, bytes));
}

/** 64 MiB of nothing, in under 1 KiB. */
export function brotliBomb(): Buffer {
  return brotliCompressSync(ZEROS, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } });
}

/** A bomb within a bomb, for servers that unpack whatever they find. */
export function nestedBomb(): Buffer {
  return gzipSync(gzipBomb());
}

/** 64 MiB of nothing in 64 parts, each a gzip of its own (RFC 1952 §2.2): for limits that are counted anew for each. */
export function manyGzips(): Buffer {
  const part = gzipSync(Buffer.alloc(1 << 20));
  return Buffer.concat(Array(64).fill(part));
}

/** 64 MiB of nothing, as zlib packs it: HTTP's "deflate". */
export function deflateBomb(): Buffer {
  return deflateSync(ZEROS);
}

/** So many empty lines, in a thousandth of that. */
export function linesBomb(lines: number): Buffer {
  return gzipSync(Buffer.alloc(lines, "\n"));
}

/** JSON that is nested so deep that a recursive reader runs out of stack. */
export function deepJson(depth = 100_000): Buffer {
  return Buffer.from(`${'{"conversation":{"metadata":{"a":'}${"[".repeat(depth)}${"]".repeat(depth)}}}}`);
}

/** Protobuf of nothing but unknown fields, two bytes each: what a decoder keeps of them costs far more. */
export function unknownFields(bytes = 3 << 20): Buffer {
  // Field 1000, varint, 0.
  return Buffer.alloc(bytes - (bytes % 3), Buffer.from([0xc0, 0x3e, 0x00]));
}

/** Protobuf of length-delimited fields within each other, as deep as it is long. */
export function deepProto(depth = 10_000): Buffer {
  let inner = Buffer.alloc(0);
  for (let level = 0; level < depth; level++) {
    const length: number[] = [];
    let rest = inner.length;
    for (; rest >= 128; rest >>= 7) length.push((rest & 127) | 128);
    length.push(rest);
    // Field 7, which is Struct in a message, then list_value and values within it.
    inner = Buffer.concat([Buffer.from([0x32, ...length]), inner]);
  }
  return inner;
}

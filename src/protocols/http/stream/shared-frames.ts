// Encodes each message once for all streams that send it in the same form.
import type { Message } from "@bufbuild/protobuf";

const CHUNK_END = Buffer.from("\r\n");
const EMPTY = Buffer.alloc(0);

type Bytes = Uint8Array | Promise<Uint8Array>;

/** The frames of one form, such as Connect's JSON. What was made is kept as long as the messages are. */
export class SharedFrames {
  readonly #make: (message: Message) => Bytes;
  readonly #frames = new WeakMap<Message, Bytes>();
  readonly #pieces = new WeakMap<readonly Message[], Bytes>();
  readonly #chunks = new WeakMap<readonly Message[], Bytes>();

  /** @param make gives the frame of one message, later if it takes a while; may throw */
  constructor(make: (message: Message) => Bytes) {
    this.#make = make;
  }

  /**
   * The frames of all messages of a list; `chunked`: as one chunk of HTTP/1.1. A list that was seen before is known
   * again.
   */
  of(messages: readonly Message[], chunked: boolean): Bytes {
    return keptIn(chunked ? this.#chunks : this.#pieces, messages, () => {
      const frames = messages.map((message) => keptIn(this.#frames, message, () => this.#make(message)));
      return areThere(frames) ? pieceOf(frames, chunked) : Promise.all(frames).then((later) => pieceOf(later, chunked));
    });
  }
}

function keptIn<K extends object>(known: WeakMap<K, Bytes>, key: K, make: () => Bytes): Bytes {
  let bytes = known.get(key);
  if (bytes === undefined) {
    bytes = make();
    known.set(key, bytes);
    // From then on nobody has to wait. Streams that wait already get the failure.
    if (bytes instanceof Promise) bytes.then((there) => known.set(key, there)).catch(() => known.delete(key));
  }
  return bytes;
}

function areThere(frames: readonly Bytes[]): frames is readonly Uint8Array[] {
  return !frames.some((frame) => frame instanceof Promise);
}

/** Some frames as one piece of a body. */
export function pieceOf(frames: readonly Uint8Array[], chunked: boolean): Uint8Array {
  if (!chunked) return frames.length === 1 ? (frames[0] as Uint8Array) : Buffer.concat(frames);
  const length = frames.reduce((sum, { byteLength }) => sum + byteLength, 0);
  // RFC 9112 §7.1: a chunk without anything in it would be the last one.
  return length === 0 ? EMPTY : Buffer.concat([Buffer.from(`${length.toString(16)}\r\n`), ...frames, CHUNK_END]);
}

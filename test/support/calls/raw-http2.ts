// Frames of HTTP/2 by hand: Node's client ends a stream before it resets it, so that a server may take it for whole.
import { connect } from "node:net";

const HEADERS = 1;
const DATA = 0;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const END_HEADERS = 4;
const CANCEL = Buffer.from([0, 0, 0, 8]);

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A header field that is not indexed (RFC 7541 §6.2.2). */
function field(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const length: number[] = [Math.min(bytes.length, 127)];
  if (bytes.length >= 127) {
    let rest = bytes.length - 127;
    for (; rest > 127; rest >>>= 7) length.push((rest & 127) | 128);
    length.push(rest);
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}

export interface ResetCall {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/**
 * Begins each call on one connection, sends its body without its end, and resets it: in the same packet, or in the next
 * one by turns. Resolves once the server has read all of it.
 */
export async function resetCalls(url: string, calls: readonly ResetCall[]): Promise<void> {
  const { port, hostname } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.setNoDelay(true);
  const read = new Promise<void>((resolve, reject) => {
    let came = Buffer.alloc(0);
    socket.on("error", reject).on("data", (chunk: Buffer) => {
      came = Buffer.concat([came, chunk]);
      for (; came.length >= 9; came = came.subarray(9 + came.readUIntBE(0, 3))) {
        if (came[3] === PING && came[4] === 1) resolve();
        if (came.length < 9 + came.readUIntBE(0, 3)) return;
      }
    });
  });
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  socket.write(frame(SETTINGS, 0, 0, Buffer.alloc(0)));
  for (const [index, { headers, body }] of calls.entries()) {
    const stream = 2 * index + 1;
    const fields = Buffer.concat(Object.entries(headers).map(([name, value]) => field(name, value)));
    const begun = Buffer.concat([frame(HEADERS, END_HEADERS, stream, fields), frame(DATA, 0, stream, body)]);
    const reset = frame(RST_STREAM, 0, stream, CANCEL);
    if (index % 2 === 0) socket.write(Buffer.concat([begun, reset]));
    else {
      await new Promise((resolve) => socket.write(begun, resolve));
      await new Promise((resolve) => setImmediate(resolve));
      socket.write(reset);
    }
  }
  socket.write(frame(PING, 0, 0, Buffer.alloc(8)));
  await read;
  socket.destroy();
}

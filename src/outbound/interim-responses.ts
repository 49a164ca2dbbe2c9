// Unasked `100 Continue` before a response (RFC 9110, section 15.2), which undici takes for a broken connection: it
// gets to see `102 Processing`, which it passes over like all other interim responses.
import type { Socket } from "node:net";

/** As a response begins, up to what tells its status; `d` is a digit. */
const INTERIM = "HTTP/1.1 1dd";
const [NEWLINE, RETURN, ZERO, TWO, NINE] = [0x0a, 0x0d, 0x30, 0x32, 0x39];

/** Lets undici read a socket on which the other side may say 100. */
export function passOverContinue(socket: Socket): void {
  const read = socket.read.bind(socket);
  const rename = renameContinue();
  let written = 0;
  socket.read = (size?: number) => {
    const chunk: Buffer | null = read(size);
    if (chunk === null) return chunk;
    const asked = socket.bytesWritten !== written;
    written = socket.bytesWritten;
    rename(chunk, asked);
    return chunk;
  };
}

/** Changes the status in place. `asked` says whether a request was written since the last chunk. */
function renameContinue(): (chunk: Buffer, asked: boolean) => void {
  /** How much of {@link INTERIM} has come; undefined: the final response is coming. */
  let known: number | undefined = 0;
  /** Within the rest of an interim response: newlines since the last line with text. Two end it. */
  let newlines: number | undefined;
  let zeros = 0;

  return (chunk, asked) => {
    if (asked && known === undefined) known = 0;
    for (let place = 0; place < chunk.length && known !== undefined; place++) {
      const byte = chunk[place] as number;
      if (newlines !== undefined) {
        if (byte === NEWLINE) newlines++;
        else if (byte !== RETURN) newlines = 0;
        if (newlines === 2) [known, newlines, zeros] = [0, undefined, 0];
        continue;
      }
      // Empty lines may stand before a response.
      if (known === 0 && (byte === RETURN || byte === NEWLINE)) continue;
      const expected: string = INTERIM[known] as string;
      const fits = expected === "d" ? byte >= ZERO && byte <= NINE : byte === expected.charCodeAt(0);
      if (!fits) {
        known = undefined;
        return;
      }
      known++;
      if (known > INTERIM.length - 2 && byte === ZERO) zeros++;
      if (known < INTERIM.length) continue;
      if (zeros === 2) chunk[place] = TWO;
      newlines = 0;
    }
  };
}

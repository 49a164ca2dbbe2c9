// Responds to HTTP/1.1 that Node cannot parse, with the texts of our other errors. Node's own responses have no body.
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { LINGER_MS } from "../../protocols/http/body/linger.ts";

/** By the code of Node's error. */
const ANSWERS: Readonly<Record<string, readonly [status: number, words: string]>> = {
  HPE_HEADER_OVERFLOW: [431, "the headers are too large"],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, "the chunk extensions are too large"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "the headers took too long"],
};
const MALFORMED = [400, "the request is malformed"] as const;

/** What this uses of node:http beside its documented face: the response that is under way on a socket. */
interface RespondingSocket {
  readonly _httpMessage?: { readonly headersSent: boolean } | null;
}

/** Maximum bytes that are still read from a refused connection, so that its response is not lost to a reset. */
const LINGER_BYTES = 8 * 1024 * 1024;

/** Makes a listener for the event "clientError", which Node emits again for later bytes. */
export function createRefusal(): (error: NodeJS.ErrnoException, socket: Socket) => void {
  /** After how many bytes a refused connection is closed, even if the client still sends. */
  const refused = new WeakMap<Socket, number>();
  return (error, socket) => refuse(error, socket, refused);
}

function refuse(error: NodeJS.ErrnoException, socket: Socket, refused: WeakMap<Socket, number>): void {
  const max = refused.get(socket);
  if (max !== undefined && socket.bytesRead <= max) return;
  const answering = (socket as RespondingSocket)._httpMessage;
  // A disconnected client gets nothing; a partial response could be read as the rest of an earlier one.
  if (max !== undefined || error.code === "ECONNRESET" || !socket.writable || answering?.headersSent === true) {
    socket.destroy(error);
    return;
  }
  refused.set(socket, socket.bytesRead + LINGER_BYTES);
  const [status, words] = ANSWERS[error.code ?? ""] ?? MALFORMED;
  const body = `${words}\n`;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Connection: close",
    "Content-Type: text/plain; charset=utf-8",
    "Cache-Control: no-store",
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
  const limit = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once("end", () => socket.destroy()).once("close", () => clearTimeout(limit));
}

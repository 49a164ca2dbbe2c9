// `Expect: 100-continue` (RFC 9110 §10.1.1): the client waits with its body until the server begins to read it.
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { Readable } from "node:stream";

/** Whether a request waits for the word to send its body. */
export function expectsContinue(headers: IncomingHttpHeaders): boolean {
  return headers.expect !== undefined && headers.expect.toLowerCase() === "100-continue";
}

/**
 * What is refused before its body is read, for its credential or its size, is so before it is sent. A body that has
 * come without the word needs none.
 */
export function continueWhenRead(request: IncomingMessage, response: ServerResponse): void {
  const tell = () => {
    if (request.complete || response.headersSent || response.destroyed) return;
    // Another response has the connection. What is written now, Node would send behind the head of this one.
    if (response.socket === null) response.once("socket", tell);
    else response.writeContinue();
  };
  beforeRead(request, tell);
  const { writeHead } = response;
  response.writeHead = ((...words: Parameters<typeof writeHead>) => {
    // Node closes the connection if it has not sent the word, though the body has come. The requests behind it have
    // been acted on, and their responses would be lost.
    if (request.complete) (response as unknown as { _sent100: boolean })._sent100 = true;
    return writeHead.apply(response, words);
  }) as typeof writeHead;
}

/** The same for a stream of HTTP/2. */
export function continueStreamWhenRead(stream: ServerHttp2Stream): void {
  beforeRead(stream, () => {
    if (stream.headersSent || stream.destroyed || stream.closed || stream.readableEnded) return;
    stream.additionalHeaders({ [constants.HTTP2_HEADER_STATUS]: constants.HTTP_STATUS_CONTINUE });
  });
}

function beforeRead(body: Readable, act: () => void): void {
  const read = body._read;
  body._read = (size) => {
    body._read = read;
    act();
    body._read(size);
  };
}

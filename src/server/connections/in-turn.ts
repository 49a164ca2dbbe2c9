// The requests of one HTTP/1.1 connection, one at a time: a client may send the next before it has the response.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { answer } from "../../protocols/http/response.ts";

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** The requests of a connection that wait for their turn. */
interface Waiting {
  last: IncomingMessage;
  /** What they hold, with the bodies of all but the last. */
  bytes: number;
  /** One too many has come: those behind are not taken either, and the connection ends. */
  full: boolean;
  /** No longer counts what they hold. */
  readonly release: () => void;
}

/** What a request holds beside its target, headers and body. */
const REQUEST_BYTES = 4_096;
const HEADERS = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store", connection: "close" };

/**
 * Node tells of a request as soon as it is read, whatever goes on before it. Only what changes nothing may be carried
 * out at the same time (RFC 9112 §9.3.2): of two messages, the first sent is the first in the conversation.
 *
 * A request that waits is taken when its response has the connection, and never if that ends before. Past `maxBytes` of
 * a connection or `maxTotalBytes` of all, requests are refused with 503, and the connection ends after the responses
 * that are due.
 */
export function inTurn(listener: Listener, { maxBytes, maxTotalBytes }: WaitingLimits): Listener {
  const connections = new WeakMap<Socket, Waiting>();
  let total = 0;

  function wait(socket: Socket, request: IncomingMessage): Waiting {
    const waiting: Waiting = {
      last: request,
      bytes: 0,
      full: false,
      release: () => {
        connections.delete(socket);
        socket.off("close", waiting.release);
        total -= waiting.bytes;
      },
    };
    connections.set(socket, waiting);
    socket.once("close", waiting.release);
    return waiting;
  }

  function count(waiting: Waiting, bytes: number): void {
    waiting.bytes += bytes;
    total += bytes;
  }

  return (request, response) => {
    // Nearly always: no response is due before this one.
    if (response.socket !== null) return listener(request, response);
    const { socket } = request;
    const before = connections.get(socket);
    const waiting = before ?? wait(socket, request);
    // The one before has come whole, or this one would not be here.
    count(waiting, sizeOfHead(request) + (before?.last.readableLength ?? 0));
    waiting.last = request;
    waiting.full ||= waiting.bytes > maxBytes || total > maxTotalBytes;
    if (waiting.full) {
      answer(response, 503, HEADERS, "too many requests wait for the response before them; send them again\n");
      request.resume();
      return;
    }
    response.once("socket", () => {
      if (waiting.last === request) waiting.release();
      else count(waiting, -sizeOfHead(request) - request.readableLength);
      // After a response that ends the connection, no other is sent.
      if (socket.writable) listener(request, response);
    });
  };
}

export interface WaitingLimits {
  readonly maxBytes: number;
  readonly maxTotalBytes: number;
}

function sizeOfHead({ url = "", rawHeaders }: IncomingMessage): number {
  let bytes = REQUEST_BYTES + url.length;
  for (const text of rawHeaders) bytes += text.length;
  return bytes;
}

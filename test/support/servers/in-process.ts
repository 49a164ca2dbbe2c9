// Requests and responses without a socket, for many thousand calls of a handler in one process.
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable, Writable } from "node:stream";
import type { Rest } from "../../../src/protocols/rest/rest.ts";

export interface LocalAnswer {
  /** 599 where no mount claims the path. */
  readonly status: number;
  readonly body: string;
}

export interface LocalAsk {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/** Asks a handler; settles when the answer has ended. */
export async function askLocally(rest: Rest, { method, url, headers = {}, body }: LocalAsk): Promise<LocalAnswer> {
  const request = Object.assign(Readable.from(body === undefined ? [] : [body], { objectMode: false }), {
    method,
    url,
    headers: body === undefined ? headers : { ...headers, "content-length": String(body.byteLength) },
    httpVersionMajor: 1,
    socket: { remoteAddress: "127.0.0.1" },
  });
  const response = new LocalResponse();
  const ended = new Promise<void>((resolve) => void response.once("close", resolve));
  const handled = await rest.handle(request as unknown as IncomingMessage, response as unknown as ServerResponse);
  if (!handled) return { status: 599, body: "" };
  await ended;
  return { status: response.status, body: Buffer.concat(response.chunks).toString() };
}

class LocalResponse extends Writable {
  status = 0;
  headersSent = false;
  readonly chunks: Buffer[] = [];

  writeHead(status: number, headers: Readonly<Record<string, string>>): this {
    if (this.headersSent) throw new Error("the headers are sent twice");
    for (const [name, value] of Object.entries(headers)) {
      if (typeof value !== "string" || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
        throw new Error(`a bad header ${name}`);
    }
    this.status = status;
    this.headersSent = true;
    return this;
  }

  flushHeaders(): void {}
  held(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.chunks.push(chunk);
    done();
  }
}

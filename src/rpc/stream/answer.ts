// An answer that is sent piece by piece, the same for HTTP/1.1 and HTTP/2.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import { BodyWriter } from "./body-writer.ts";
import type { StreamEnd } from "./protocol.ts";

export interface StreamedAnswer {
  /** Sends the headers, with status 200. */
  open(headers: Readonly<Record<string, string>>, trailing: boolean): BodyWriter;
  end(last: StreamEnd): void;
}

export function answerHttp1(response: ServerResponse<IncomingMessage>, stallMs: number): StreamedAnswer {
  return {
    open(headers) {
      response.writeHead(200, headers);
      response.flushHeaders();
      return BodyWriter.ofResponse(response, stallMs);
    },
    end({ frame }) {
      if (response.destroyed) return;
      response.setTimeout(stallMs);
      response.end(frame);
    },
  };
}

export function answerHttp2(stream: ServerHttp2Stream, stallMs: number): StreamedAnswer {
  // The client may reset it at any time.
  const isGone = () => stream.destroyed || stream.closed;
  let trailers: StreamEnd["trailers"];
  return {
    open(headers, trailing) {
      if (!isGone()) {
        stream.respond({ ":status": 200, ...headers }, { waitForTrailers: trailing });
        if (trailing) stream.once("wantTrailers", () => stream.sendTrailers(trailers ?? {}));
      }
      return BodyWriter.ofStream(stream, stallMs);
    },
    end(last) {
      if (isGone()) return;
      ({ trailers } = last);
      stream.setTimeout(stallMs, () => stream.destroy());
      stream.end(last.frame);
    },
  };
}

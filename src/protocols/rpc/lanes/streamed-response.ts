// A response that is sent piece by piece, the same for HTTP/1.1 and HTTP/2.
import type { ServerResponse } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import { BodyWriter } from "../../http/stream/body-writer.ts";
import type { StreamEnd } from "../protocol.ts";

export interface StreamedResponse {
  /** Sends the headers, with status 200. */
  open(headers: Readonly<Record<string, string>>, trailing: boolean): BodyWriter;
  end(last: StreamEnd): void;
}

export function streamedResponse(target: ServerResponse | ServerHttp2Stream): StreamedResponse {
  return "respond" in target ? answerHttp2(target) : answerHttp1(target);
}

function answerHttp1(response: ServerResponse): StreamedResponse {
  return {
    open(headers) {
      response.writeHead(200, headers);
      response.flushHeaders();
      return BodyWriter.ofResponse(response);
    },
    end({ frame }) {
      if (!response.destroyed) response.end(frame);
    },
  };
}

function answerHttp2(stream: ServerHttp2Stream): StreamedResponse {
  // The client may reset it at any time.
  const isGone = () => stream.destroyed || stream.closed;
  let trailers: StreamEnd["trailers"];
  return {
    open(headers, trailing) {
      if (!isGone()) {
        stream.respond({ ":status": 200, ...headers }, { waitForTrailers: trailing });
        if (trailing) stream.once("wantTrailers", () => stream.sendTrailers(trailers ?? {}));
      }
      return BodyWriter.ofStream(stream);
    },
    end(last) {
      if (isGone()) return;
      ({ trailers } = last);
      stream.end(last.frame);
    },
  };
}

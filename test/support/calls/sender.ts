// Sends requests from a separate thread, so that its processor time does not count as the server's.
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { parentPort, Worker, workerData } from "node:worker_threads";

export interface SentRequest {
  readonly http: "1.1" | "2";
  readonly verb: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

export interface Sender extends AsyncDisposable {
  /** Gives the status of the answer, or of gRPC, once that has come to its end; "reset" for none. */
  send(request: SentRequest): Promise<string>;
}

export function startSender(url: string): Sender {
  const worker = new Worker(new URL(import.meta.url), { workerData: { sendTo: url } });
  return {
    async send(request) {
      worker.postMessage(request);
      const [status] = await once(worker, "message");
      return status as string;
    },
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}

if (parentPort !== null && workerData?.sendTo !== undefined) {
  const { sendTo } = workerData as { readonly sendTo: string };
  const port = parentPort;
  let session: ClientHttp2Session | undefined;
  const http2 = (asked: SentRequest) =>
    new Promise<string>((resolve) => {
      if (session === undefined || session.destroyed || session.closed) {
        session = connect(sendTo).on("error", () => {});
      }
      const stream = session.request(
        { ":method": asked.verb, ":path": asked.path, te: "trailers", ...asked.headers },
        { endStream: asked.body === undefined },
      );
      let status = "reset";
      stream.on("response", (head) => (status = String(head["grpc-status"] ?? head[":status"])));
      stream.on("trailers", (tail) => (status = `grpc ${tail["grpc-status"]}`));
      stream.on("error", () => {});
      stream.on("close", () => resolve(status));
      stream.resume();
      if (asked.body !== undefined) stream.end(asked.body);
    });
  const http1 = (asked: SentRequest) =>
    new Promise<string>((resolve) => {
      const length = asked.body === undefined ? {} : { "content-length": asked.body.byteLength };
      const options = {
        method: asked.verb,
        path: asked.path,
        headers: { ...asked.headers, ...length },
        agent: false as const,
      };
      const request = httpRequest(sendTo, options, (response) => {
        response.resume();
        response.on("close", () => resolve(String(response.statusCode)));
      });
      request.on("error", () => resolve("reset"));
      request.end(asked.body);
    });
  port.on("message", async (asked: SentRequest) => {
    port.postMessage(await (asked.http === "2" ? http2(asked) : http1(asked)));
  });
}

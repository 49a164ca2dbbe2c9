// Whether a client received a response, as a server over each version of HTTP knows it.
import type { EventEmitter } from "node:events";
import { Agent, createServer as createHttp1, request as http1Request } from "node:http";
import { connect, constants, createServer as createHttp2 } from "node:http2";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { afterSent } from "../../../../src/protocols/http/after-sent.ts";
import type { HttpRequest } from "../../../../src/protocols/http/request.ts";
import type { HttpResponse } from "../../../../src/protocols/http/response.ts";

/** More than the buffers between two sockets take. */
const LARGE = Buffer.alloc(32 * 1024 * 1024);

/** What the server does, and what comes of it for a client that leaves at the event. */
const CASES = [
  ["nothing is sent", "request", false],
  ["a part is sent", "response", false],
  ["all is written, and not read", "response", false],
  ["all is read", "end", true],
] as const;

function respond(response: HttpResponse, what: string): void {
  const { write, end } = response as { write(chunk: string): void; end(chunk?: string | Buffer): void };
  if (what === "a part is sent") write.call(response, "a");
  if (what === "all is written, and not read") end.call(response, LARGE);
  if (what === "all is read") end.call(response, "a");
}

async function outcome(isHttp2: boolean, [what, leaveAt]: (typeof CASES)[number]): Promise<boolean> {
  const { promise: began, resolve: begin } = Promise.withResolvers<void>();
  const { promise: received, resolve } = Promise.withResolvers<boolean>();
  const handle = (request: HttpRequest, response: HttpResponse) => {
    afterSent(request, response, resolve);
    response.on("error", () => {});
    respond(response, what);
    begin();
  };
  const server = isHttp2 ? createHttp2(handle) : createHttp1(handle);
  await new Promise<void>((ready) => void server.listen(0, "127.0.0.1", ready));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const session = isHttp2 ? connect(url).on("error", () => {}) : undefined;
  // A connection that ends soon after a response may not have carried it.
  const agent = new Agent({ keepAlive: true });
  const request = session?.request({ ":path": "/" }) ?? http1Request(url, { agent });
  (request as EventEmitter).on("error", () => {});
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
  (request as EventEmitter).on("response", (response) => {
    const body = (isHttp2 ? request : response) as NodeJS.ReadableStream;
    body.on("error", () => {});
    if (leaveAt === "response") arrive();
    else body.on("end", arrive).resume();
  });
  request.end();
  await (leaveAt === "request" ? began : arrived);
  if ("close" in request && session !== undefined) request.close(constants.NGHTTP2_CANCEL);
  else if (leaveAt !== "end") request.destroy();
  const result = await received;
  session?.destroy();
  agent.destroy();
  server.close();
  return result;
}

test.each([false, true].flatMap((isHttp2) => CASES.map((one) => [isHttp2, one] as const)))(
  "over HTTP/2: %s, where %j",
  async (isHttp2, one) => {
    expect(await outcome(isHttp2, one)).toBe(one[2]);
  },
);

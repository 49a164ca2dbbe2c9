// Uploads that go on where they stopped, by tus 1.0 (tus.io). Each request passes the pipeline as a call of CreateFile.
import { randomUUIDv7 } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { FileService } from "../../../gen/colloquy/v1/file_service_pb.ts";
import type { Call, Pipeline } from "../../pipeline/pipeline.ts";
import { TUS_ALGORITHMS } from "../http/body/checksums.ts";
import { releaseBody } from "../http/body/linger.ts";
import type { BodyRules } from "../http/body/rules.ts";
import { type HttpHandler, type HttpRequest, headerOf, pathOf } from "../http/request.ts";
import { answer, gone, type HttpResponse } from "../http/response.ts";
import type { CallInfo, Mount } from "../rest/binding/mount.ts";
import { type CreateCallSignal, RestHead } from "../rest/request/call-head.ts";
import { bodyOf, createFailureRenderer, type FailureOptions } from "../rest/response/errors.ts";
import type { TusServer } from "./server.ts";
import type { Uploads } from "./uploads.ts";

export interface TusOptions extends FailureOptions {
  readonly pipeline: Pick<Pipeline, "begin">;
  readonly uploads: Uploads;
  readonly createSignal: CreateCallSignal;
  readonly bodies: BodyRules;
}

const PATH = "/v1/uploads";
const MOUNT: Mount = { name: "uploads", serves: [] };
const JSON_TYPE = "application/json";

/** It refuses the list that several proxies make of this header, and needs none: its addresses are relative. */
function forgetScheme(raw: string[]): void {
  for (let at = raw.length - 2; at >= 0; at -= 2) {
    if (raw[at]?.toLowerCase() === "x-forwarded-proto") raw.splice(at, 2);
  }
}

/** For clients behind what lets no other methods through than GET and POST. */
function overrideMethod(request: HttpRequest): void {
  const asked = request.method === "POST" ? headerOf(request, "x-http-method-override")?.trim() : undefined;
  if (asked) (request as IncomingMessage).method = asked.toUpperCase();
}

export function createTusHandler({ pipeline, uploads, createSignal, bodies, ...failures }: TusOptions): HttpHandler {
  const renderFailure = createFailureRenderer(failures);
  const rendered = (error: unknown, call: Call, request: HttpRequest) => {
    const { requestId, address } = call.context;
    const path = pathOf(request.url);
    const info: CallInfo = { verb: request.method ?? "", path, requestId, binding: undefined, call, address };
    return renderFailure(error, call, MOUNT, info);
  };

  return async (request, response) => {
    const path = pathOf(request.url);
    if (path !== PATH && !path.startsWith(`${PATH}/`)) return false;
    overrideMethod(request);
    const head = new RestHead(FileService.method.createFile, request, response, MOUNT, "", createSignal);
    const call = pipeline.begin(head);
    try {
      const refused = call.turnAway();
      if (refused !== undefined) throw refused;
      if (request.method === "OPTIONS") response.setHeader("tus-checksum-algorithm", TUS_ALGORITHMS.join(","));
      else await call.admit();
      const server = await serverOf(call, request, response, (error) => rendered(error, call, request));
      for (const [name, value] of call.responseHeaders) response.setHeader(name, value);
      response.setHeader("x-request-id", call.context.requestId);
      forgetScheme((request as IncomingMessage).rawHeaders);
      await server.handle(request as IncomingMessage, response as ServerResponse);
      call.end();
    } catch (error) {
      const { status, headers, ...failure } = rendered(error, call, request);
      if (gone(response)) response.destroy();
      else answer(response, status, { ...headers, "content-type": JSON_TYPE }, bodyOf({ status, headers, ...failure }));
    } finally {
      head.release();
      releaseBody(request);
    }
    return true;
  };

  async function serverOf(
    call: Call,
    request: HttpRequest,
    response: HttpResponse,
    render: (error: unknown) => ReturnType<typeof renderFailure>,
  ): Promise<TusServer> {
    // Who never uploads in pieces does not load it.
    const [{ TusServer }, { CallStore }] = await Promise.all([import("./server.ts"), import("./store.ts")]);
    const store = new CallStore(uploads, call, bodies, {
      onFile: (id) => response.setHeader("content-location", `/v1/files/${id}`),
      onMetadata: (said) => request.method === "HEAD" && response.setHeader("upload-metadata", said),
    });
    return new TusServer({
      path: PATH,
      store,
      maxBytes: uploads.maxBytes,
      newId: () => randomUUIDv7(),
      exposed: `${response.getHeader("access-control-expose-headers") ?? ""}`,
      render,
    });
  }
}

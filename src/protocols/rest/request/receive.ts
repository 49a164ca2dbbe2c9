// The request messages of one HTTP request: one, or one of each line of its body.
import type { Message } from "@bufbuild/protobuf";
import type { RequestBody } from "../../http/body/request-body.ts";
import type { HttpRequest } from "../../http/request.ts";
import { checkContentType, JSON_TYPE } from "../binding/media.ts";
import { invalid, RestProblem } from "../binding/problem.ts";
import type { Route } from "../route.ts";
import { mayHaveBody, readBody, readChunks } from "./body.ts";
import type { RestHead } from "./call-head.ts";
import { inLine, splitLines } from "./ndjson.ts";

/** A request that matched a route. */
export interface Received {
  readonly route: Route;
  readonly request: HttpRequest;
  /** The raw path segments. */
  readonly segments: readonly string[];
  readonly query: string;
  readonly body: RequestBody;
  readonly head: RestHead;
}

const NEWLINE = 0x0a;
const EMPTY = Buffer.alloc(0);

/** Throws a {@link RestProblem}. */
export async function readRequest({ route, request, segments, query, body: coming, head }: Received): Promise<Message> {
  const { binding, builder, mount } = route;
  let body: Buffer | undefined;
  const read = () => readBody(request, coming, route.maxBodyBytes, () => head.interrupt);
  if (mayHaveBody(request)) {
    if (binding.body.kind !== "none") {
      // Whether there is a body at all, its head need not say.
      const said = request.headers["content-type"] ?? request.headers["content-length"];
      if (said !== undefined && !builder.rawBody) checkContentType(request, JSON_TYPE, mount.jsonTypes);
      const bytes = await read();
      if (bytes.byteLength > 0) {
        if (!builder.rawBody) checkContentType(request, JSON_TYPE, mount.jsonTypes);
        body = bytes;
      }
    } else if (mount.unknown !== "ignore" && (await read()).byteLength > 0) {
      throw invalid("body", "body", "must be empty: this method takes none", "body.none");
    }
  }
  coming.complete();
  return builder.build({
    segments,
    query,
    body,
    contentType: head.header("content-type"),
    header: (name) => head.header(name),
  });
}

/** Each line is a whole request: the path, the query and the headers fill their fields of every one. */
export async function* readRequests({
  route,
  request,
  segments,
  query,
  body: coming,
  head,
}: Received): AsyncGenerator<Message> {
  const { builder } = route;
  const parts = {
    segments,
    query,
    contentType: head.header("content-type"),
    header: (name: string) => head.header(name),
  };
  const chunks = readChunks(request, coming, route.maxBodyBytes, head.interrupt);
  if (builder.rawBody) {
    let any = false;
    for await (const body of chunks) {
      any = true;
      // What the service holds of it, it says itself; only a whole line is progress that a slow sender cannot feign.
      if (body.includes(NEWLINE)) coming.step();
      else coming.handOn();
      yield builder.build({ ...parts, body });
    }
    // What the head says counts without a body too.
    if (!any) yield builder.build({ ...parts, body: EMPTY });
    return;
  }
  for await (const { number, bytes } of splitLines(chunks, route.maxBodyBytes)) {
    coming.step();
    try {
      yield await builder.build({ ...parts, body: bytes });
    } catch (error) {
      throw error instanceof RestProblem ? inLine(number, error) : error;
    }
  }
}

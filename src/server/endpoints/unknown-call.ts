// The response if no handler matches, in the caller's protocol as far as it is recognized.

import type { Pipeline } from "../../pipeline/pipeline.ts";
import { releaseBody } from "../../protocols/http/body/linger.ts";
import { type HttpHandler, headerOf } from "../../protocols/http/request.ts";
import { wireOf } from "../../protocols/rpc/fallback/request.ts";
import { writeError } from "../../protocols/rpc/fallback/response.ts";

/** Responds to every request: UNIMPLEMENTED over gRPC and gRPC-Web, 404 with the same error in JSON otherwise. */
export function createUnknownCallHandler(pipeline: Pipeline): HttpHandler {
  return (request, response) => {
    const wire = wireOf(request);
    const { error, headers } = pipeline.refuse({ wire, header: (name) => headerOf(request, name) });
    writeError(request, response, 404, error, Object.fromEntries(headers));
    releaseBody(request);
    return true;
  };
}

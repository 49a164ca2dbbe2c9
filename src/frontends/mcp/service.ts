// POST /mcp: one JSON-RPC message in, and what the official server package makes of it out.

import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  McpService,
  type PostRequest,
  type PostResponseSchema,
} from "../../../gen/colloquy/frontend/mcp/v1/mcp_service_pb.ts";
import { invalidField } from "../../domain/errors.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { orAborted } from "../../pipeline/call/deadline.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import { STREAM_HEADERS } from "../../pipeline/streams/heartbeat.ts";
import { EVENTS_TYPE } from "../../protocols/rest/binding/media.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import { readJsonBody } from "../shared/json-body.ts";
import type { FrontendOptions } from "../shared/options.ts";
import { refuseForeignOrigins } from "../shared/origin.ts";
import { createExchange } from "./exchange.ts";
import type { McpPackage } from "./server.ts";

export function createMcpService(canonical: Canonical, options: FrontendOptions): ServiceEntry {
  // At first use: it takes time and memory that a server without MCP clients does not need.
  let loading: Promise<McpPackage> | undefined;
  const load = () => {
    loading ??= import("@modelcontextprotocol/server");
    return loading;
  };
  const exchange = createExchange(canonical, options);

  return serve(McpService, {
    async *post({ body }: PostRequest, context): AsyncIterable<MessageInitShape<typeof PostResponseSchema>> {
      refuseForeignOrigins(context, options.allowsOrigin);
      const message = await readJsonBody(body?.data ?? new Uint8Array());
      if (Array.isArray(message)) {
        throw invalidField("body", "must be one JSON-RPC message: batches are not supported", "body.batch");
      }
      const mcp = await load();
      const over = new AbortController();
      try {
        const signal = AbortSignal.any([context.signal, over.signal]);
        const answering = exchange(mcp, context, { message, contentType: body?.contentType ?? "", signal });
        const response = await orAborted(answering, context.interrupt);
        const contentType = response.headers.get("content-type") ?? "";
        context.setStatus(response.status);
        setHeaders(context, contentType);
        if (response.body === null) yield { body: {} };
        else for await (const data of response.body) yield { body: { contentType, data } };
      } finally {
        over.abort();
      }
    },
  });
}

function setHeaders(context: CallContext, contentType: string): void {
  const headers = contentType.startsWith(EVENTS_TYPE) ? STREAM_HEADERS : { "cache-control": "no-store" };
  for (const [name, value] of Object.entries(headers)) context.setHeader(name, value);
}

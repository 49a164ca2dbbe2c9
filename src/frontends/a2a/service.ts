// A2A's three bindings: the official service over gRPC and HTTP+JSON, and JSON-RPC and the cards beside it.
import { createHash } from "node:crypto";
import { toJson } from "@bufbuild/protobuf";
import { A2aHttpService } from "../../../gen/colloquy/frontend/a2a/v1/a2a_http_service_pb.ts";
import { A2AService, AgentCardSchema, type StreamResponse } from "../../../gen/lf/a2a/v1/a2a_pb.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import { DEFAULT_AGENT } from "../shared/agents.ts";
import type { FrontendOptions } from "../shared/options.ts";
import { answerJsonRpc } from "./json-rpc.ts";
import { createMethods } from "./methods.ts";

export function createA2aServices(canonical: Canonical, options: FrontendOptions): ServiceEntry[] {
  const methods = createMethods(canonical, options);
  const { card: _, ...served } = methods;
  return [
    serve(A2AService, {
      ...served,
      sendStreamingMessage: (request, context) => spoken(methods.sendStreamingMessage(request, context)),
      subscribeToTask: (request, context) => spoken(methods.subscribeToTask(request, context)),
    }),
    serve(A2aHttpService, {
      post: ({ body }, context) => answerJsonRpc(methods, body?.data ?? new Uint8Array(), context),
      async getCard({ agent }, context) {
        const card = toJson(AgentCardSchema, await methods.card(agent || DEFAULT_AGENT, context));
        const data = Buffer.from(JSON.stringify(card));
        const etag = `"${createHash("sha256").update(data).digest("base64url").slice(0, 22)}"`;
        context.setHeader("cache-control", "private, no-cache");
        context.setHeader("etag", etag);
        return { body: { contentType: "application/json", data } };
      },
    }),
  ];
}

/** Without the silences: these wires have heartbeats of their own. */
async function* spoken(updates: AsyncIterable<StreamResponse | undefined>): AsyncGenerator<StreamResponse, void> {
  for await (const update of updates) if (update !== undefined) yield update;
}

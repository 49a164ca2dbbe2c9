// Wraps connectors so that each call of an agent, and each run of a tool, has a span (OpenTelemetry's conventions for
// generative AI, as of 1.45). No content is in them.

import { failureWord, type Span, type Tracing } from "../../domain/tracing.ts";
import type { ReplyPiece } from "../../domain/turns/reply-piece.ts";
import { FinishReason } from "../../domain/turns/turn.ts";
import type { AgentRow } from "../../store/agents/agents.ts";
import type { Connector, ReplyRequest } from "./connector.ts";
import type { Connectors } from "./connectors.ts";

export function tracedConnectors(connectors: Connectors, tracing: Tracing): Connectors {
  return {
    connectorOf(tenantId, agent) {
      const connector = connectors.connectorOf(tenantId, agent);
      return (request, signal) => asked(connector, agent, tracing, request, signal);
    },
    circuitOf: (tenantId, agent) => connectors.circuitOf(tenantId, agent),
    tools: {
      async run(agent, call, place, signal) {
        const span = tracing.below(`execute_tool ${call.name}`, {
          kind: "client",
          attributes: {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": call.name,
            "gen_ai.tool.call.id": call.callId,
            "gen_ai.agent.name": agent.name,
            "gen_ai.conversation.id": place.conversationId,
          },
        });
        if (span === undefined) return await connectors.tools.run(agent, call, place, signal);
        try {
          const outcome = await span.run(() => connectors.tools.run(agent, call, place, signal));
          span.end(outcome.isError ? "tool_error" : undefined);
          return outcome;
        } catch (error) {
          span.end(failureWord(error));
          throw error;
        }
      },
    },
    mcpTools: (tenantId, agent, signal) => connectors.mcpTools(tenantId, agent, signal),
    close: () => connectors.close(),
  };
}

async function* asked(
  connector: Connector,
  agent: AgentRow,
  tracing: Tracing,
  request: ReplyRequest,
  signal: AbortSignal,
): AsyncGenerator<ReplyPiece, FinishReason> {
  const span = tracing.below(`invoke_agent ${agent.name}`, {
    kind: "client",
    attributes: {
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.provider.name": agent.connector,
      "gen_ai.agent.id": agent.id,
      "gen_ai.agent.name": agent.name,
      "gen_ai.request.model": modelOf(agent),
      "gen_ai.conversation.id": request.conversationId,
      "colloquy.turn.id": request.turnId,
    },
  });
  if (span === undefined) return yield* connector(request, signal);
  const pieces = span.run(() => connector(request, signal));
  let failure: string | undefined = "abandoned";
  try {
    for (;;) {
      const next = await span.run(() => pieces.next());
      if (next.done) {
        failure = undefined;
        span.set({ "gen_ai.response.finish_reasons": [FINISH_WORDS[next.value] ?? "unspecified"] });
        return next.value;
      }
      if (next.value.kind === "usage") note(span, next.value);
      yield next.value;
    }
  } catch (error) {
    failure = failureWord(error);
    throw error;
  } finally {
    await span.run(() => pieces.return(FinishReason.UNSPECIFIED));
    span.end(failure);
  }
}

/** `stop`, `length`, `tool_calls`, … */
const FINISH_WORDS: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(FinishReason).map(([name, number]) => [number, name.toLowerCase()]),
);

function note(span: Span, usage: Extract<ReplyPiece, { kind: "usage" }>): void {
  const count = (value: bigint | undefined) => (value === undefined ? undefined : Number(value));
  span.set({
    "gen_ai.usage.input_tokens": count(usage.inputTokens),
    "gen_ai.usage.output_tokens": count(usage.outputTokens),
    "gen_ai.usage.cache_read.input_tokens": count(usage.cachedTokens),
    "gen_ai.usage.cache_creation.input_tokens": count(usage.cacheWriteTokens),
    "gen_ai.response.model": usage.model,
  });
}

function modelOf({ settings }: AgentRow): string | undefined {
  const { model } = (settings ?? {}) as { readonly model?: unknown };
  return typeof model === "string" ? model : undefined;
}

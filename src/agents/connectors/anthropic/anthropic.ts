// The connector to endpoints with Anthropic's Messages.
import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import { type AnthropicConnector, AnthropicConnectorSchema } from "../../../../gen/colloquy/v1/agent_pb.ts";
import type { AgentTool } from "../../../domain/turns/agent-tool.ts";
import { HEARTBEAT, type ReplyPiece } from "../../../domain/turns/reply-piece.ts";
import type { FinishReason } from "../../../domain/turns/turn.ts";
import { bothInstructions } from "../../../domain/turns/turn-options.ts";
import type { BoundedFetch } from "../../../outbound/bounded-fetch.ts";
import { AgentFailure, type ConnectorFactory } from "../connector.ts";
import { brokeOff, errorIn, failureOf, isObject, reported } from "../failures.ts";
import { fixedBytes, withinBudget } from "../history/budget.ts";
import { agentSender, itemsOf } from "../history/items.ts";
import { cutsOff, isTooLong, shortened } from "../history/too-long.ts";
import { readSchemas, schemaOf } from "../tool-schema/tool-schema.ts";
import type { Block } from "./content.ts";
import { type GuardedClientParts, guardedClient } from "./guarded-client.ts";
import { type AnthropicHistory, historyOf } from "./history.ts";
import { AnthropicReply } from "./reply.ts";

export const ANTHROPIC_URL = "https://api.anthropic.com";
const DEFAULT_MAX_TOKENS = 8192;
/** How often a model is asked to go on. */
const MAX_ROUNDS = 10;

/** A changed key or model cannot verify the thoughts of the one before. */
const THOUGHTS_REFUSED = /signature|(thinking|redacted_thinking)`? blocks?|Expected `thinking`/i;

/** @param bounded connects to allowed addresses only */
export function createAnthropic(bounded: Pick<BoundedFetch, "fetch">): ConnectorFactory {
  return ({ id, settings }, credential) => {
    const connector = fromJson(AnthropicConnectorSchema, settings);
    const url = messagesOf(connector.baseUrl || ANTHROPIC_URL);
    return async function* ({ messages, tools, options, files }, signal) {
      const instructions = bothInstructions(connector.instructions, options);
      const fixed = fixedBytes(instructions, tools);
      let items = withinBudget(itemsOf(messages, agentSender(id)), connector.maxContextTokens, fixed);
      const taken = items.flatMap((item) => (item.kind === "call" ? [item.callId] : []));
      const hasThoughts = items.some((item) => item.kind === "thought" && item.own);
      let withThoughts = true;
      let history = historyOf(instructions, items, withThoughts);
      await readSchemas(tools);
      for (let rounds = 0; ; ) {
        const body = bodyOf(connector, history, tools);
        try {
          const { finish, paused } = yield* ask({ bounded, credential, files }, url, body, taken, signal);
          if (paused === undefined || rounds >= MAX_ROUNDS) return finish;
          rounds++;
          // The provider's own tools took long: it is asked to go on from where it stopped.
          history = { ...history, messages: [...history.messages, { role: "assistant", content: paused }] };
          yield { kind: "step" };
        } catch (error) {
          if (!(error instanceof Refused)) throw error;
          if (rounds > 0) throw error.failure;
          if (withThoughts && hasThoughts && THOUGHTS_REFUSED.test(error.body)) withThoughts = false;
          else {
            const shorter = cutsOff(options) && isTooLong(error.body) && shortened(items, fixed);
            if (!shorter) throw error.failure;
            items = shorter;
          }
          history = historyOf(instructions, items, withThoughts);
        }
      }
    };
  };
}

/** A response with another status than 200. */
class Refused extends Error {
  readonly failure: AgentFailure;
  readonly body: string;

  constructor(failure: AgentFailure, body: string) {
    super(failure.message);
    this.failure = failure;
    this.body = body;
  }
}

interface Outcome {
  readonly finish: FinishReason;
  /** What the model said before it stopped to be asked to go on. */
  readonly paused: Block[] | undefined;
}

/** One request. */
async function* ask(
  parts: Omit<GuardedClientParts, "onBytes">,
  url: string,
  body: JsonObject,
  taken: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<ReplyPiece, Outcome> {
  let arrived = Promise.withResolvers<undefined>();
  const { client, refusal } = guardedClient({ ...parts, onBytes: () => arrived.resolve(undefined) });
  const reply = new AnthropicReply({ taken });
  let events: AsyncIterator<unknown> | undefined;
  try {
    const stream = (await client.post(url, { body, stream: true, signal })) as AsyncIterable<unknown>;
    events = stream[Symbol.asyncIterator]();
    let next = events.next();
    next.catch(() => {});
    for (;;) {
      // The client keeps pings to itself, but they are signs of life.
      const event = await Promise.race([next, arrived.promise]);
      if (event === undefined) {
        arrived = Promise.withResolvers();
        yield HEARTBEAT;
        continue;
      }
      if (event.done) break;
      if (isObject(event.value)) reply.take(event.value);
      yield* reply.pieces();
      next = events.next();
      next.catch(() => {});
    }
    signal.throwIfAborted();
    if (!reply.finished) throw brokeOff();
    const finish = reply.end();
    yield* reply.pieces();
    const usage = reply.usage();
    if (usage) yield usage;
    return {
      finish,
      paused: reply.paused ? reply.content.filter(({ type, text }) => type !== "text" || text !== "") : undefined,
    };
  } catch (error) {
    signal.throwIfAborted();
    reply.breakOff();
    yield* reply.pieces();
    const refused = refusal();
    if (refused) throw new Refused(refused.failure, refused.body);
    throw error instanceof AgentFailure ? error : (reportedIn(error) ?? failureOf(error));
  } finally {
    events?.return?.()?.catch(() => {});
  }
}

/** An error event of the stream, which the client throws. */
function reportedIn(error: unknown): AgentFailure | undefined {
  const body = error instanceof Error && "error" in error ? error.error : undefined;
  const told = isObject(body) ? errorIn(body) : undefined;
  return told && reported(told);
}

/** Keeps a query. */
function messagesOf(baseUrl: string): string {
  const url = new URL(baseUrl);
  url.pathname = `${url.pathname.replace(/\/+$/, "").replace(/\/v1(\/messages)?$/, "")}/v1/messages`;
  return url.href;
}

function bodyOf(connector: AnthropicConnector, history: AnthropicHistory, tools: readonly AgentTool[]): JsonObject {
  const { tools: own, thinking, tool_choice: choice, ...parameters } = connector.parameters ?? {};
  const all = [...(Array.isArray(own) ? own : []), ...tools.map(toolOf)];
  // Calls in the history are refused where no tool is declared.
  const isOver = all.length === 0 && history.called.size > 0;
  const declared = isOver ? [...history.called].map((name) => ({ name, input_schema: { type: "object" } })) : all;
  // Calls without the thoughts that led to them are refused while the model is to think.
  const thinks = isObject(thinking) && (thinking.type !== "enabled" || history.hasItsThoughts);
  return {
    max_tokens: DEFAULT_MAX_TOKENS,
    ...parameters,
    ...(connector.maxTokens > 0 && { max_tokens: connector.maxTokens }),
    ...(thinks && { thinking }),
    ...(history.system !== "" && { system: history.system }),
    ...(declared.length > 0 && { tools: declared }),
    ...(isOver
      ? { tool_choice: { type: "none" } }
      : declared.length > 0 && choice !== undefined && { tool_choice: choice }),
    model: connector.model,
    messages: history.messages as never,
    stream: true,
  };
}

function toolOf(tool: AgentTool): JsonObject {
  const { name, description } = tool;
  return { name, ...(description !== "" && { description }), input_schema: schemaOf(tool) };
}

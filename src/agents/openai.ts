// Agents behind any endpoint that speaks OpenAI's chat completions.
import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import OpenAI from "openai";
import type { ChatCompletionMessageParam } from "openai/resources/chat/completions";
import { type OpenAiConnector, OpenAiConnectorSchema } from "../../gen/colloquy/v1/agent_pb.ts";
import { MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import type { MessageRow } from "../store/messages.ts";
import { AgentFailure, type ConnectorFactory } from "./connector.ts";

export const OPENAI_URL = "https://api.openai.com/v1";

/** @param fetch connects to none but the addresses that are allowed */
export function createOpenAi(fetch: typeof globalThis.fetch): ConnectorFactory {
  return ({ settings }, credential) => {
    const connector = fromJson(OpenAiConnectorSchema, settings);
    const client = new OpenAI({
      baseURL: connector.baseUrl || OPENAI_URL,
      // The library insists on a key; an endpoint without one does not look.
      apiKey: credential ?? "none",
      // From settings alone, never from the server's environment.
      organization: null,
      project: null,
      // Retries and time limits are the same for all kinds of agents, and stand around this.
      maxRetries: 0,
      timeout: 3_600_000,
      logLevel: "off",
      fetch,
    });
    return async function* ({ messages }, signal) {
      let finished = false;
      try {
        const body = { ...parametersOf(connector), messages: messagesOf(connector.instructions, messages) };
        const stream = await client.chat.completions.create(
          { ...body, model: connector.model, stream: true },
          { signal },
        );
        for await (const chunk of stream) {
          const choice = chunk.choices?.[0];
          const text = choice?.delta?.content;
          if (typeof text === "string" && text !== "") yield text;
          if (choice?.finish_reason != null) finished = true;
        }
      } catch (error) {
        signal.throwIfAborted();
        throw failureOf(error);
      }
      signal.throwIfAborted();
      // A body that ends early looks like one that is done, but for this.
      if (!finished) throw new AgentFailure("the agent broke off", { retryable: true });
    };
  };
}

function parametersOf({ parameters }: OpenAiConnector): JsonObject {
  const { stream_options: _, n: __, ...rest } = parameters ?? {};
  return rest;
}

function messagesOf(instructions: string, messages: readonly MessageRow[]): ChatCompletionMessageParam[] {
  const said = messages.map(({ role, content }) => ({ role: ROLES[role] ?? "user", content }));
  return instructions === "" ? said : [{ role: "system", content: instructions }, ...said];
}

/** What a tool gave back is told as a user's words: the endpoint would ask for the call that it answers. */
const ROLES: Readonly<Record<number, "user" | "assistant" | "system">> = {
  [MessageRole.ASSISTANT]: "assistant",
  [MessageRole.SYSTEM]: "system",
};

function failureOf(error: unknown): AgentFailure {
  if (error instanceof AgentFailure) return error;
  const refusal = causeOf(error);
  if (refusal !== undefined) return refusal;
  if (error instanceof OpenAI.APIConnectionError) {
    return new AgentFailure("the agent cannot be reached, or broke off", { retryable: true, cause: error });
  }
  if (error instanceof OpenAI.APIError && typeof error.status === "number") {
    const retryable = error.status === 429 || error.status >= 500;
    return new AgentFailure(`the agent answered with status ${error.status}`, { retryable, cause: error });
  }
  return new AgentFailure("the agent broke off, or answered with what is no reply", { retryable: true, cause: error });
}

/** A refusal of ours comes wrapped in what the libraries above it make of it. */
function causeOf(error: unknown): AgentFailure | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if (at instanceof AgentFailure) return at;
  }
  return undefined;
}

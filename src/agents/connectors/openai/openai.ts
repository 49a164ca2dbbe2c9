// The connector to endpoints with OpenAI's chat completions.
import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import { type OpenAiConnector, OpenAiConnectorSchema } from "../../../../gen/colloquy/v1/agent_pb.ts";
import type { BoundedFetch, FetchedAnswer } from "../../../outbound/bounded-fetch.ts";
import { AgentFailure, type ConnectorFactory } from "../connector.ts";
import { failureOf, refusedWith } from "./failures.ts";
import { historyOf } from "./history.ts";
import { readReply } from "./reply.ts";

export const OPENAI_URL = "https://api.openai.com/v1";

/** Bytes read of a response that is not a reply. */
const MAX_REFUSAL_BYTES = 16_384;

/** @param bounded connects to allowed addresses only */
export function createOpenAi({ fetch }: Pick<BoundedFetch, "fetch">): ConnectorFactory {
  return ({ settings }, credential) => {
    const connector = fromJson(OpenAiConnectorSchema, settings);
    const url = completionsOf(connector.baseUrl || OPENAI_URL);
    const headers = {
      "content-type": "application/json",
      accept: "text/event-stream, application/json",
      ...(credential !== undefined && { authorization: `Bearer ${credential}` }),
    };
    return async function* ({ messages }, signal) {
      const history = historyOf(connector.instructions, messages);
      const body = { ...parametersOf(connector), messages: history, model: connector.model, stream: true };
      let answer: FetchedAnswer;
      try {
        answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body), signal });
        if (answer.status !== 200) throw refusedWith(answer, await answer.start(MAX_REFUSAL_BYTES));
        return yield* readReply(answer.body, signal);
      } catch (error) {
        signal.throwIfAborted();
        throw error instanceof AgentFailure ? error : failureOf(error);
      }
    };
  };
}

/** Keeps the query: Azure requires its `api-version` there. */
function completionsOf(baseUrl: string): string {
  const url = new URL(baseUrl);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/chat/completions`;
  return url.href;
}

function parametersOf({ parameters }: OpenAiConnector): JsonObject {
  const { stream_options: _, n: __, ...rest } = parameters ?? {};
  return rest;
}

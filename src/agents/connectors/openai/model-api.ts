// What Chat Completions and Responses have in common: a request is made of a history, and a body is read as a reply.
import type { JsonObject } from "@bufbuild/protobuf";
import type { OpenAiConnector } from "../../../../gen/colloquy/v1/agent_pb.ts";
import type { AgentTool } from "../../../domain/turns/agent-tool.ts";
import type { Item } from "../history/items.ts";
import type { ReplyForm } from "./read-body.ts";

/** One of the APIs. */
export interface ModelApi {
  /** After the base URL. */
  readonly path: string;
  /** Parts of the request that an endpoint may refuse, and can do without. */
  readonly options: readonly ApiOption[];
  /** Fields of a request to Responses, as far as this API has them, under its names. */
  parameters(asked: JsonObject): JsonObject;
  /** @param without the options that are left out */
  body(
    connector: OpenAiConnector,
    items: readonly Item[],
    tools: readonly AgentTool[],
    without: ReadonlySet<string>,
  ): JsonObject;
  /** @param taken ids of calls earlier in the conversation */
  form(taken: readonly string[]): ReplyForm;
}

export interface ApiOption {
  readonly name: string;
  /** What a refusal says of it. */
  readonly refused: RegExp;
  /** Whether the endpoint never takes it, or only not in this conversation. */
  readonly isLasting: boolean;
}

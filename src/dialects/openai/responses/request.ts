// Reads and checks a request for a response.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CreateResponseRequest } from "../../../../gen/colloquy/compat/openai/v1/response_service_pb.ts";
import type { AgentToolSchema } from "../../../../gen/colloquy/v1/agent_pb.ts";
import { invalidField } from "../../../domain/errors.ts";
import { jsonFault } from "../../../domain/parts/json-text.ts";
import { ourIdIn } from "../ids.ts";
import { elementsOf, type Members, membersOf, objectOf, textOf } from "../items/json-members.ts";
import { checkMetadata } from "../metadata.ts";

/** What is asked of the model and shown again, each as JSON. */
export type Fields = ReadonlyMap<string, string>;

export interface WantedResponse {
  /** The items, each as JSON; a text is a message of the user. */
  readonly input: readonly string[];
  /** Our id; empty: none. */
  readonly conversationId: string;
  readonly previousTurnId: string;
  readonly model: string;
  readonly store: boolean;
  readonly background: boolean;
  readonly fields: Fields;
  /** Those of them that the model gets. */
  readonly parameters: Fields;
  readonly tools: readonly MessageInitShape<typeof AgentToolSchema>[];
}

const MAX_ITEMS = 1000;

/** Throws INVALID_FIELD for what breaks a rule. */
export function readRequest(request: CreateResponseRequest): WantedResponse {
  const { background = false, store = true, model = "" } = request;
  if (background && !store)
    throw invalidField("background", "must not be true where store is false", "background.store");
  const conversationId = conversationIn(request.conversation);
  const previousTurnId = previousIn(request.previousResponseId);
  if (conversationId !== "" && previousTurnId !== "") {
    throw invalidField("previous_response_id", "must not be given together with conversation", "previous.conversation");
  }
  checkMetadata(request.metadata);
  const fields = fieldsOf(request);
  return {
    input: inputIn(request.input),
    conversationId,
    previousTurnId,
    model,
    store,
    background,
    fields,
    parameters: new Map([...fields].filter(([name]) => !OURS.has(name))),
    tools: request.tools.flatMap((tool, index) => clientTool(tool, `tools[${index}]`)),
  };
}

/** What is said to the model in other ways, or not at all. */
const OURS = new Set(["instructions", "metadata"]);

function inputIn(text: string | undefined): string[] {
  if (text === undefined || text === "null") throw invalidField("input", "must be given", "required");
  const said = textOf(text);
  if (said !== undefined)
    return [
      objectOf([
        ["type", '"message"'],
        ["role", '"user"'],
        ["content", text],
      ]),
    ];
  const items = elementsOf(text);
  if (items === undefined) throw invalidField("input", "must be a string or an array", "json.type");
  if (items.length === 0) throw invalidField("input", "must not be empty", "repeated.min_items");
  if (items.length > MAX_ITEMS) throw invalidField("input", `must be at most ${MAX_ITEMS} items`, "repeated.max_items");
  return items;
}

function conversationIn(text: string | undefined): string {
  if (text === undefined || text === "null") return "";
  const id = textOf(text) ?? textOf(membersOf(text)?.get("id"));
  if (id === undefined) throw invalidField("conversation", "must be a string, or an object with an id", "json.type");
  return id;
}

function previousIn(id: string | undefined): string {
  if (id === undefined || id === "") return "";
  // Whatever cannot be one does not exist.
  return (id.startsWith("resp_") ? ourIdIn(id) : undefined) ?? NOBODY;
}

/** The id of nothing. */
const NOBODY = "00000000-0000-7000-8000-000000000000";

type Kind = "object" | "array" | "string or object";

/** What a value of each kind may begin with, and what is said of others. */
const KINDS: Readonly<Record<Kind, readonly [first: RegExp, rule: string]>> = {
  object: [/^\{/, "must be an object"],
  array: [/^\[/, "must be an array"],
  "string or object": [/^["{]/, "must be a string or an object"],
};

function fieldsOf(request: CreateResponseRequest): Fields {
  const fields: Members = new Map();
  const put = (name: string, value: unknown) => {
    if (value !== undefined) fields.set(name, JSON.stringify(value));
  };
  const raw = (name: string, json: string | undefined, kind: Kind) => {
    if (json === undefined || json === "null") return;
    const [first, rule] = KINDS[kind];
    if (!first.test(json)) throw invalidField(name, rule, "json.type");
    const fault = jsonFault(json);
    if (fault !== undefined) throw invalidField(name, fault[1], fault[0]);
    fields.set(name, json);
  };
  put("instructions", request.instructions);
  put("metadata", Object.keys(request.metadata).length === 0 ? undefined : request.metadata);
  put("temperature", request.temperature);
  put("top_p", request.topP);
  put("top_logprobs", request.topLogprobs);
  put("max_output_tokens", request.maxOutputTokens);
  put("max_tool_calls", request.maxToolCalls);
  put("parallel_tool_calls", request.parallelToolCalls);
  if (request.tools.length > 0) fields.set("tools", `[${request.tools.join(",")}]`);
  raw("tool_choice", request.toolChoice, "string or object");
  raw("text", request.text, "object");
  raw("reasoning", request.reasoning, "object");
  put("truncation", request.truncation);
  put("include", request.include.length === 0 ? undefined : request.include);
  put("service_tier", request.serviceTier);
  put("prompt_cache_key", request.promptCacheKey);
  put("prompt_cache_retention", request.promptCacheRetention);
  put("safety_identifier", request.safetyIdentifier);
  put("user", request.user);
  raw("prompt", request.prompt, "object");
  raw("context_management", request.contextManagement, "array");
  raw("prompt_cache_options", request.promptCacheOptions, "object");
  raw("moderation", request.moderation, "object");
  raw("image", request.image, "object");
  raw("access_programs", request.accessPrograms, "object");
  return fields;
}

/** A tool that the client runs; the provider's own are none of ours. */
function clientTool(json: string, place: string): MessageInitShape<typeof AgentToolSchema>[] {
  const fault = jsonFault(json);
  if (fault !== undefined) throw invalidField(place, fault[1], fault[0]);
  const members = membersOf(json);
  if (members === undefined) throw invalidField(place, "must be an object", "json.type");
  const type = textOf(members.get("type"));
  if (type === undefined) throw invalidField(`${place}.type`, "must be given", "required");
  if (type !== "function" && type !== "custom") return [];
  const name = textOf(members.get("name"));
  if (name === undefined) throw invalidField(`${place}.name`, "must be given", "required");
  const parameters = members.get("parameters");
  return [
    {
      name,
      description: textOf(members.get("description")) ?? "",
      inputSchemaJson: parameters?.startsWith("{") ? parameters : "",
      runs: { case: "client", value: {} },
    },
  ];
}

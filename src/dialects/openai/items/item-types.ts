// The types of items that OpenAI's clients know: what each must hold, and what entry of a conversation it is.
import { MessageKind, MessageRole } from "../../../../gen/colloquy/v1/message_pb.ts";
import { ToolPlace, ToolType } from "../../../../gen/colloquy/v1/part_pb.ts";

/** What a member of an item may be. `call_id` and `name` are texts of limited length. */
export type MemberType = "string" | "array" | "object" | "boolean" | "null" | "call_id" | "name";

export interface ItemType {
  readonly kind: MessageKind;
  readonly role: MessageRole;
  /** Of the ids that are made for it. */
  readonly prefix: string;
  /** The members that it must have, each with what it may be. */
  readonly required: Readonly<Record<string, readonly MemberType[]>>;
  /** Members that clients expect and may leave out when they send it, as JSON. */
  readonly filled?: Readonly<Record<string, string>>;
  /** Of a result: its own id is that of its call, and it may do without `call_id`. */
  readonly idIsCalls?: boolean;
  /**
   * Of a call: what kind of tool it is, where it runs, and the member that holds the arguments as the model wrote them.
   */
  readonly call?: {
    readonly type: ToolType;
    readonly runsAt: ToolPlace;
    readonly argumentsIn?: "arguments" | "input";
  };
}

const { ASSISTANT, SYSTEM, TOOL } = MessageRole;
const { BUILT_IN } = ToolType;
const COMPLETED = { status: '"completed"' };
const NO_CALL = { call_id: "null" };
const TEXT: readonly MemberType[] = ["string"];
const LIST: readonly MemberType[] = ["array"];
const OBJECT: readonly MemberType[] = ["object"];
const CALL_ID: readonly MemberType[] = ["call_id"];
const NAME: readonly MemberType[] = ["name"];
const PRINTED: readonly MemberType[] = ["string", "array"];

type Rest = Omit<ItemType, "kind" | "role" | "prefix">;

function call(
  prefix: string,
  type: ToolType,
  runsAt: ToolPlace,
  rest: Rest,
  argumentsIn?: "arguments" | "input",
): ItemType {
  const tool = { type, runsAt, ...(argumentsIn && { argumentsIn }) };
  return { kind: MessageKind.TOOL_CALL, role: ASSISTANT, prefix, call: tool, ...rest };
}

function result(prefix: string, rest: Rest): ItemType {
  return { kind: MessageKind.TOOL_RESULT, role: TOOL, prefix, ...rest };
}

function other(prefix: string, role: MessageRole, rest: Rest, kind: MessageKind = MessageKind.ITEM): ItemType {
  return { kind, role, prefix, ...rest };
}

const { CLIENT, PROVIDER } = ToolPlace;

export const ITEM_TYPES: Readonly<Record<string, ItemType>> = {
  function_call: call(
    "fc",
    ToolType.FUNCTION,
    CLIENT,
    { required: { call_id: CALL_ID, name: NAME, arguments: TEXT }, filled: COMPLETED },
    "arguments",
  ),
  function_call_output: result("fco", { required: { output: PRINTED }, filled: COMPLETED }),
  custom_tool_call: call(
    "ctc",
    ToolType.CUSTOM,
    CLIENT,
    { required: { call_id: CALL_ID, name: NAME, input: TEXT } },
    "input",
  ),
  custom_tool_call_output: result("cto", { required: { call_id: CALL_ID, output: PRINTED } }),
  reasoning: other("rs", ASSISTANT, { required: { summary: LIST } }, MessageKind.REASONING),
  web_search_call: call("ws", BUILT_IN, PROVIDER, { required: {} }),
  file_search_call: call("fs", BUILT_IN, PROVIDER, { required: { queries: LIST } }),
  computer_call: call("cu", BUILT_IN, CLIENT, { required: { call_id: CALL_ID } }),
  computer_call_output: result("cuo", { required: { call_id: CALL_ID, output: OBJECT }, filled: COMPLETED }),
  image_generation_call: call("ig", BUILT_IN, PROVIDER, { required: { result: ["string", "null"] } }),
  code_interpreter_call: call("ci", BUILT_IN, PROVIDER, {
    required: { code: ["string", "null"], container_id: TEXT, outputs: ["array", "null"] },
  }),
  local_shell_call: call("lsh", BUILT_IN, CLIENT, { required: { call_id: CALL_ID, action: OBJECT } }),
  local_shell_call_output: result("lsho", { required: { output: TEXT }, idIsCalls: true }),
  shell_call: call("sh", BUILT_IN, CLIENT, {
    required: { call_id: CALL_ID, action: OBJECT },
    filled: { ...COMPLETED, environment: "null" },
  }),
  shell_call_output: result("sho", {
    required: { call_id: CALL_ID, output: LIST },
    filled: { ...COMPLETED, max_output_length: "null" },
  }),
  apply_patch_call: call("apc", BUILT_IN, CLIENT, { required: { call_id: CALL_ID, operation: OBJECT } }),
  apply_patch_call_output: result("apco", { required: { call_id: CALL_ID } }),
  mcp_list_tools: other("mcpl", SYSTEM, { required: { server_label: TEXT, tools: LIST } }),
  mcp_approval_request: other(
    "mcpr",
    ASSISTANT,
    { required: { server_label: TEXT, name: TEXT, arguments: TEXT } },
    MessageKind.APPROVAL_REQUEST,
  ),
  mcp_approval_response: other(
    "mcpa",
    TOOL,
    { required: { approval_request_id: TEXT, approve: ["boolean"] } },
    MessageKind.APPROVAL_RESPONSE,
  ),
  mcp_call: call(
    "mcp",
    ToolType.MCP,
    PROVIDER,
    { required: { server_label: TEXT, name: TEXT, arguments: TEXT } },
    "arguments",
  ),
  tool_search_call: call("tsc", BUILT_IN, PROVIDER, { required: {}, filled: { ...COMPLETED, ...NO_CALL } }),
  tool_search_output: result("tso", { required: { tools: LIST }, filled: { ...COMPLETED, ...NO_CALL } }),
  additional_tools: other("at", SYSTEM, { required: { tools: LIST } }),
  configuration_update: other("cfg", SYSTEM, { required: {} }),
  program: other("prg", ASSISTANT, { required: {} }),
  program_output: other("prgo", TOOL, { required: {} }),
  compaction: other("cmp", ASSISTANT, { required: { encrypted_content: TEXT } }, MessageKind.SUMMARY),
};

/** Of a type that is not known here. */
export const UNKNOWN_TYPE: ItemType = other("item", ASSISTANT, { required: {} });

export function itemType(name: string): ItemType {
  return Object.hasOwn(ITEM_TYPES, name) ? (ITEM_TYPES[name] as ItemType) : UNKNOWN_TYPE;
}

/** Roles of messages, as clients write them. */
export const ROLES: Readonly<Record<string, MessageRole>> = {
  user: MessageRole.USER,
  assistant: MessageRole.ASSISTANT,
  system: MessageRole.SYSTEM,
  developer: MessageRole.DEVELOPER,
};

export function wordOfRole(role: MessageRole): string {
  if (role === TOOL) return "tool";
  return Object.keys(ROLES).find((word) => ROLES[word] === role) ?? "user";
}

/** The formats of opaque parts: a whole item; of a message, what stands beside its content; a content part. */
export const FORMATS = { item: "openai", message: "openai/message", content: "openai/content" } as const;

// Items of OpenAI's Responses and Conversations as entries of a log, and back: lossless, of types that nobody knows
// too.
import { create, type JsonObject, type JsonValue, type MessageInitShape } from "@bufbuild/protobuf";
import { type Message, MessageKind, MessageRole, MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { type Part, PartSchema, ToolPlace, ToolType } from "../../../gen/colloquy/v1/part_pb.ts";
import { Taker } from "./taker.ts";

type Draft = MessageInitShape<typeof PartSchema>;
const { CLIENT, PROVIDER } = ToolPlace;

/** Calls: what kind of tool it is, where it runs, and the field that holds the arguments as the model wrote them. */
const CALLS: Readonly<Record<string, readonly [ToolType, ToolPlace, argumentsIn?: string]>> = {
  function_call: [ToolType.FUNCTION, CLIENT, "arguments"],
  custom_tool_call: [ToolType.CUSTOM, CLIENT, "input"],
  mcp_call: [ToolType.MCP, PROVIDER, "arguments"],
  computer_call: [ToolType.BUILT_IN, CLIENT],
  local_shell_call: [ToolType.BUILT_IN, CLIENT],
  shell_call: [ToolType.BUILT_IN, CLIENT],
  apply_patch_call: [ToolType.BUILT_IN, CLIENT],
  web_search_call: [ToolType.BUILT_IN, PROVIDER],
  file_search_call: [ToolType.BUILT_IN, PROVIDER],
  image_generation_call: [ToolType.BUILT_IN, PROVIDER],
  code_interpreter_call: [ToolType.BUILT_IN, PROVIDER],
  tool_search_call: [ToolType.BUILT_IN, PROVIDER],
};
const RESULTS = [
  "function_call_output",
  "custom_tool_call_output",
  "computer_call_output",
  "local_shell_call_output",
  "shell_call_output",
  "apply_patch_call_output",
  "tool_search_output",
];
const ROLES: Readonly<Record<string, MessageRole>> = {
  user: MessageRole.USER,
  assistant: MessageRole.ASSISTANT,
  system: MessageRole.SYSTEM,
  developer: MessageRole.DEVELOPER,
};
/** Of a message: what stands beside its content. */
const ITEM = "openai/item";
/** The same of one whose content is a text, and no list. */
const TEXT_ITEM = "openai/text-item";
const CONTENT = "openai/content";

export function fromItem(item: JsonObject): Message {
  const { type = "message" } = item;
  const message = (kind: MessageKind, role: MessageRole, ...parts: Draft[]) =>
    create(MessageSchema, { kind, role, parts: parts.map((part) => create(PartSchema, part)) });
  const assistant = MessageRole.ASSISTANT;
  if (type === "message") {
    const role = ROLES[String(item.role)] ?? MessageRole.USER;
    const { content, ...rest } = item;
    if (typeof content === "string" && content.isWellFormed()) {
      const text = { content: { case: "text", value: { text: content } } } as const;
      return message(MessageKind.MESSAGE, role, opaque(TEXT_ITEM, rest), text);
    }
    if (!Array.isArray(content)) return message(MessageKind.MESSAGE, role, opaque("openai", item));
    return message(MessageKind.MESSAGE, role, opaque(ITEM, rest), ...content.map(fromContent));
  }
  const call = CALLS[String(type)];
  if (call !== undefined) {
    const [toolType, runsAt, argumentsIn = ""] = call;
    const take = new Taker(item);
    const value = {
      callId: take.text("call_id"),
      name: take.text("name"),
      arguments: take.text(argumentsIn),
      type: toolType,
      runsAt,
    };
    return message(MessageKind.TOOL_CALL, assistant, {
      content: { case: "toolCall", value: defined(value) },
      extraJson: take.rest(),
    });
  }
  if (RESULTS.includes(String(type))) {
    const take = new Taker(item);
    const callId = take.text("call_id");
    const output = take.text("output") ?? take.structure("output");
    const value = {
      ...(callId !== undefined && { callId }),
      ...(output !== undefined && {
        output:
          typeof output === "string"
            ? ({ case: "text", value: output } as const)
            : ({ case: "json", value: JSON.stringify(output) } as const),
      }),
    };
    return message(MessageKind.TOOL_RESULT, MessageRole.TOOL, {
      content: { case: "toolResult", value },
      extraJson: take.rest(),
    });
  }
  const take = new Taker(item);
  switch (type) {
    case "reasoning": {
      const summary = take.texts("summary", "summary_text");
      const value = {
        ...(summary && { summary }),
        ...defined({ encrypted: take.text("encrypted_content"), text: take.onlyText("content", "reasoning_text") }),
      };
      return message(MessageKind.REASONING, assistant, {
        content: { case: "reasoning", value },
        extraJson: take.rest(),
      });
    }
    case "mcp_approval_request": {
      const value = defined({ approvalId: take.text("id") });
      return message(MessageKind.APPROVAL_REQUEST, assistant, {
        content: { case: "approvalRequest", value },
        extraJson: take.rest(),
      });
    }
    case "mcp_approval_response": {
      const granted = take.flag("approve");
      const value = {
        ...defined({ approvalId: take.text("approval_request_id"), reason: take.text("reason") }),
        ...(granted !== undefined && { granted }),
      };
      return message(MessageKind.APPROVAL_RESPONSE, MessageRole.USER, {
        content: { case: "approvalResponse", value },
        extraJson: take.rest(),
      });
    }
    case "compaction":
      return message(MessageKind.SUMMARY, assistant, opaque("openai", item));
    default:
      return message(MessageKind.ITEM, assistant, opaque("openai", item));
  }
}

export function toItem({ parts: [first, ...content] }: Message): JsonObject {
  if (first?.content.case === "opaque") {
    const item = JSON.parse(first.content.value.json ?? "{}") as JsonObject;
    const { format } = first.content.value;
    if (format === ITEM) return { ...item, content: content.map(toContent) };
    return format === TEXT_ITEM ? { ...item, content: textOf(content[0]) } : item;
  }
  if (first === undefined) throw new Error("an entry without parts");
  const rest = extraOf(first);
  const { case: kind, value } = first.content;
  switch (kind) {
    case "toolCall":
      return {
        ...defined({ call_id: value.callId, name: value.name, [CALLS[String(rest.type)]?.[2] ?? ""]: value.arguments }),
        ...rest,
      };
    case "toolResult": {
      const { case: form, value: output } = value.output;
      return {
        ...defined({ call_id: value.callId }),
        ...(form === "text" && { output }),
        ...(form === "json" && { output: JSON.parse(output) as JsonValue }),
        ...rest,
      };
    }
    case "reasoning": {
      const texts = (type: string, all: readonly string[]) => all.map((text) => ({ type, text }));
      return {
        summary: texts("summary_text", value.summary),
        ...(value.text !== undefined && { content: texts("reasoning_text", [value.text]) }),
        ...defined({ encrypted_content: value.encrypted }),
        ...rest,
      };
    }
    case "approvalRequest":
      return { ...defined({ id: value.approvalId }), ...rest };
    case "approvalResponse":
      return {
        ...defined({ approval_request_id: value.approvalId, reason: value.reason }),
        ...(value.granted !== undefined && { approve: value.granted }),
        ...rest,
      };
    default:
      throw new Error(`no item begins with a part of ${kind}`);
  }
}

/** Texts to be searched and shown are typed; whatever else a content part says stays beside them. */
function fromContent(content: JsonValue): Draft {
  if (typeof content !== "object" || content === null || Array.isArray(content)) return opaque(CONTENT, content);
  const take = new Taker(content);
  switch (content.type) {
    case "input_text":
    case "output_text":
    case "text": {
      const text = take.text("text");
      return text === undefined
        ? opaque(CONTENT, content)
        : { content: { case: "text", value: { text } }, extraJson: take.rest() };
    }
    case "refusal": {
      const text = take.text("refusal");
      return text === undefined
        ? opaque(CONTENT, content)
        : { content: { case: "refusal", value: { text } }, extraJson: take.rest() };
    }
    case "input_image":
    case "input_file":
    case "computer_screenshot": {
      const url =
        content.file_id == null ? take.text(content.type === "input_file" ? "file_url" : "image_url") : undefined;
      const fileId = url === undefined ? take.text("file_id") : undefined;
      const source =
        url !== undefined
          ? ({ case: "url", value: url } as const)
          : fileId !== undefined
            ? ({ case: "fileId", value: fileId } as const)
            : undefined;
      const value = {
        ...(source && { source }),
        ...defined({ name: take.text("filename"), detail: take.text("detail") }),
      };
      return { content: { case: "file", value }, extraJson: take.rest() };
    }
    default:
      return opaque(CONTENT, content);
  }
}

function toContent(part: Part): JsonValue {
  const rest = extraOf(part);
  const { case: kind, value } = part.content;
  switch (kind) {
    case "text":
      return { text: value.text, ...rest };
    case "refusal":
      return { refusal: value.text, ...rest };
    case "file": {
      const url = rest.type === "input_file" ? "file_url" : "image_url";
      const { source } = value;
      return {
        ...(source.case === "url" && { [url]: source.value }),
        ...(source.case === "fileId" && { file_id: source.value }),
        ...defined({ filename: value.name, detail: value.detail }),
        ...rest,
      };
    }
    case "opaque":
      return JSON.parse(value.json ?? "null") as JsonValue;
    default:
      throw new Error(`no content is a part of ${kind}`);
  }
}

function opaque(format: string, json: JsonValue): Draft {
  return { content: { case: "opaque", value: { format, json: JSON.stringify(json) } } };
}

function textOf(part: Part | undefined): string {
  return part?.content.case === "text" ? part.content.value.text : "";
}

function extraOf({ extraJson = "{}" }: Part): JsonObject {
  return JSON.parse(extraJson) as JsonObject;
}

function defined<T>(fields: Record<string, T | undefined>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => name !== "" && value !== undefined),
  ) as Record<string, T>;
}

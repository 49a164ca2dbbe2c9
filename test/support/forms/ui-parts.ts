// Parts of AI SDK's UIMessages as parts of messages, and back. A call, its approval and its result are one part there
// and several here: they are folded by the call's id.
import { create, type JsonObject, type JsonValue, type MessageInitShape } from "@bufbuild/protobuf";
import { type Part, PartSchema, PartState } from "../../../gen/colloquy/v1/part_pb.ts";

type Draft = MessageInitShape<typeof PartSchema>;

const STATES: Readonly<Record<string, PartState>> = { streaming: PartState.STREAMING, done: PartState.COMPLETE };

export function fromUiParts(parts: readonly JsonObject[]): Part[] {
  return parts.flatMap(fromUiPart).map((part) => create(PartSchema, part));
}

function fromUiPart(part: JsonObject): Draft[] {
  const { type, ...fields } = part;
  if (typeof type !== "string") return [opaque(part)];
  if (type.startsWith("tool-") || type === "dynamic-tool") return fromTool(type, fields);
  const { text, state, url, mediaType, filename, sourceId, title, id, data, ...rest } = fields;
  const extraJson = JSON.stringify({ type, ...rest });
  switch (type) {
    case "text":
      if (typeof text !== "string") return [opaque(part)];
      return [{ ...stateOf(state), extraJson, content: { case: "text", value: { text } } }];
    case "reasoning":
      return [
        {
          ...given("id", id),
          ...stateOf(state),
          extraJson,
          content: { case: "reasoning", value: given("text", text) },
        },
      ];
    case "file":
    case "reasoning-file": {
      const source = { case: "url" as const, value: String(url) };
      const value = { source, ...given("mediaType", mediaType), ...given("name", filename) };
      return [{ extraJson, content: { case: "file", value } }];
    }
    case "source-url": {
      const origin = { case: "url" as const, value: String(url) };
      return [
        {
          extraJson,
          content: { case: "source", value: { origin, ...given("sourceId", sourceId), ...given("title", title) } },
        },
      ];
    }
    case "source-document": {
      const origin = {
        case: "document" as const,
        value: { ...given("mediaType", mediaType), ...given("filename", filename) },
      };
      return [
        {
          extraJson,
          content: { case: "source", value: { origin, ...given("sourceId", sourceId), ...given("title", title) } },
        },
      ];
    }
    case "step-start":
      return [{ extraJson, content: { case: "step", value: {} } }];
    default:
      if (!type.startsWith("data-")) return [opaque(part)];
      return [
        {
          extraJson,
          content: { case: "data", value: { name: type.slice(5), ...given("dataId", id), json: JSON.stringify(data) } },
        },
      ];
  }
}

function fromTool(type: string, fields: JsonObject): Draft[] {
  const { toolCallId, toolName, input, output, errorText, title, preliminary, approval, ...rest } = fields;
  const callId = String(toolCallId);
  const name = type === "dynamic-tool" ? String(toolName) : type.slice(5);
  const args = input === undefined ? {} : { arguments: JSON.stringify(input) };
  const parts: Draft[] = [
    {
      extraJson: JSON.stringify({ type, ...rest }),
      content: { case: "toolCall", value: { callId, name, ...args, ...given("title", title) } },
    },
  ];
  if (typeof approval === "object" && approval !== null && !Array.isArray(approval)) {
    const { id, approved, reason, ...more } = approval;
    const ids = { callId, approvalId: String(id) };
    parts.push({ extraJson: JSON.stringify(more), content: { case: "approvalRequest", value: ids } });
    if (typeof approved === "boolean") {
      const value = { approvalId: ids.approvalId, granted: approved, ...given("reason", reason) };
      parts.push({ content: { case: "approvalResponse", value } });
    }
  }
  const early = typeof preliminary === "boolean" ? { preliminary } : {};
  if (output !== undefined) {
    const value = { callId, output: { case: "json" as const, value: JSON.stringify(output) }, ...early };
    parts.push({ content: { case: "toolResult", value } });
  }
  if (typeof errorText === "string") {
    const value = { callId, isError: true, output: { case: "text" as const, value: errorText }, ...early };
    parts.push({ content: { case: "toolResult", value } });
  }
  return parts;
}

export function toUiParts(parts: readonly Part[]): JsonObject[] {
  const shown: JsonObject[] = [];
  const calls = new Map<string | undefined, JsonObject>();
  const callOf = new Map<string | undefined, string | undefined>();
  for (const { id, state, extraJson = "{}", content } of parts) {
    const rest = JSON.parse(extraJson) as JsonObject;
    const said = given(
      "state",
      Object.keys(STATES).find((word) => STATES[word] === state),
    );
    const { case: kind, value } = content;
    switch (kind) {
      case "text":
        shown.push({ ...rest, text: value.text, ...said });
        break;
      case "reasoning":
        shown.push({ ...rest, ...given("id", id), ...given("text", value.text), ...said });
        break;
      case "file":
        shown.push({
          ...rest,
          url: String(value.source.value),
          ...given("mediaType", value.mediaType),
          ...given("filename", value.name),
        });
        break;
      case "source": {
        const where =
          value.origin.case === "url"
            ? { url: value.origin.value }
            : {
                ...given("mediaType", value.origin.value?.mediaType),
                ...given("filename", value.origin.value?.filename),
              };
        shown.push({ ...rest, ...given("sourceId", value.sourceId), ...given("title", value.title), ...where });
        break;
      }
      case "step":
        shown.push(rest);
        break;
      case "data":
        shown.push({ ...rest, ...given("id", value.dataId), data: JSON.parse(value.json ?? "null") as JsonValue });
        break;
      case "opaque":
        shown.push(JSON.parse(value.json ?? "{}") as JsonObject);
        break;
      case "toolCall": {
        const tool = {
          ...rest,
          toolCallId: value.callId ?? "",
          ...(rest.type === "dynamic-tool" && { toolName: value.name ?? "" }),
          ...given("title", value.title),
        };
        if (value.arguments !== undefined) Object.assign(tool, { input: JSON.parse(value.arguments) as JsonValue });
        calls.set(value.callId, tool);
        shown.push(tool);
        break;
      }
      case "approvalRequest":
        callOf.set(value.approvalId, value.callId);
        Object.assign(calls.get(value.callId) ?? {}, { approval: { ...rest, id: value.approvalId } });
        break;
      case "approvalResponse": {
        const { approval } = calls.get(callOf.get(value.approvalId)) ?? {};
        Object.assign((approval as JsonObject | undefined) ?? {}, {
          approved: value.granted,
          ...given("reason", value.reason),
        });
        break;
      }
      case "toolResult": {
        const { case: form, value: output } = value.output;
        const result = form === "json" ? { output: JSON.parse(output) as JsonValue } : { errorText: String(output) };
        Object.assign(calls.get(value.callId) ?? {}, result, given("preliminary", value.preliminary));
      }
    }
  }
  return shown;
}

function opaque(part: JsonObject): Draft {
  return { content: { case: "opaque", value: { format: "ai-sdk", json: JSON.stringify(part) } } };
}

function stateOf(state: JsonValue | undefined): { state?: PartState } {
  const known = typeof state === "string" ? STATES[state] : undefined;
  return known === undefined ? {} : { state: known };
}

function given<N extends string, T>(name: N, value: T | undefined): { [K in N]?: T & string } {
  return (value === undefined ? {} : { [name]: value }) as { [K in N]?: T & string };
}

// Removes content that others wrote from responses to API keys that may write but not read.
import { clone, create, type DescField, type DescMessage, type DescMethod, type Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { ruleOf } from "../domain/identity/permissions.ts";
import { mayOnlyWrite } from "../domain/identity/principal.ts";
import type { ServiceEntry } from "../pipeline/service.ts";

/** The fields with content. All others identify the resource or tell its state. */
const CONTENT: Readonly<Record<string, readonly string[]>> = {
  "colloquy.v1.Conversation": ["title", "labels", "metadata", "persona", "profile_info", "state_json"],
  "colloquy.v1.Message": ["content", "metadata", "parts", "reactions", "mentions"],
  "colloquy.v1.AddReactionResponse": ["reactions"],
  "colloquy.v1.RemoveReactionResponse": ["reactions"],
};

/**
 * Wraps a service: its mutations return such a caller only content that its request held. Otherwise an update that
 * changes nothing would be a read. The reply of a turn that the caller started is its own.
 */
export function redactForWriteOnlyKeys(entry: ServiceEntry): ServiceEntry {
  const handlers = { ...entry.handlers };
  for (const method of entry.service.methods) {
    const handler = handlers[method.localName];
    if (handler === undefined || !isWrite(method)) continue;
    if (method.methodKind === "server_streaming") {
      handlers[method.localName] = (request: Message, context) => {
        const responses = handler(request, context);
        return mayOnlyWrite(context.principal) ? redactStart(method, request, responses) : responses;
      };
    }
    if (method.methodKind !== "unary") continue;
    handlers[method.localName] = (request: Message, context) => {
      const response = handler(request, context);
      return mayOnlyWrite(context.principal)
        ? Promise.resolve(response).then((whole: Message) => redact(method, request, whole))
        : response;
    };
  }
  return { ...entry, handlers };
}

function isWrite(method: DescMethod): boolean {
  return ruleOf(method).scope === "write";
}

/** What a stream begins with says what it is about, such as the message that is replied to. */
async function* redactStart(
  method: DescMethod,
  request: Message,
  responses: AsyncIterable<Message>,
): AsyncGenerator<Message> {
  for await (const response of responses) {
    const { event } = response as { readonly event?: { readonly case?: string } };
    yield event?.case === "started" ? redact(method, request, response) : response;
  }
}

/** A response without what its request did not hold. */
export function redact({ input, output }: DescMethod, request: Message, whole: Message): Message {
  const given = new Set<string>();
  eachContent(input, request, (field, value) => void given.add(textOf(field, value)));
  const response = clone(output, create(output, whole));
  eachContent(output, response, (field, value, clear) => {
    if (!given.has(textOf(field, value))) clear();
  });
  return response;
}

type Visit = (field: DescField, value: unknown, clear: () => void) => void;

/** Visits the content in a message and in those within it. */
function eachContent(schema: DescMessage, message: Message, visit: Visit): void {
  const own = CONTENT[schema.typeName] ?? [];
  const reflected = reflect(schema, message, false);
  for (const field of schema.fields) {
    if (!reflected.isSet(field)) continue;
    const fields = message as unknown as Record<string, unknown>;
    if (own.includes(field.name)) {
      visit(field, fields[field.localName], () => reflected.clear(field));
    } else if (field.fieldKind === "message" && !field.message.typeName.startsWith("google.")) {
      eachContent(field.message, reflected.get(field).message, visit);
    } else if (field.fieldKind === "list" && field.listKind === "message") {
      for (const item of reflected.get(field)) {
        const { message: inner } = item as { message: Message };
        if (!field.message.typeName.startsWith("google.")) eachContent(field.message, inner, visit);
      }
    }
  }
}

/** Told apart by field, so that a text does not stand for another that is equal by chance. */
function textOf(field: DescField, value: unknown): string {
  return `${field.toString()} ${JSON.stringify(value)}`;
}

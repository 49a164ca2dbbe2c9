// For a client token of one conversation, nothing else exists.
import { clone, type DescMethod, type Message } from "@bufbuild/protobuf";
import { AccessService } from "../../gen/colloquy/v1/access_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { type CreateTurnRequest, TurnService } from "../../gen/colloquy/v1/turn_service_pb.ts";
import { accessRefused, type DomainError, ErrorReason } from "../domain/errors.ts";
import { callerFrom } from "../domain/identity/caller.ts";
import { isOurId, newId } from "../domain/ids/id.ts";
import { ANY_PARENT } from "../domain/lists/any-parent.ts";
import type { CallContext } from "../pipeline/call/call.ts";
import type { ServiceEntry } from "../pipeline/service.ts";
import type { Queryable } from "../store/database.ts";
import { isNamedIn } from "../store/files/files.ts";
import { eachNamedFile, holdsFiles } from "./files/named-in-request.ts";
import { SUBJECTS } from "./subjects.ts";

/** They tell nothing of any conversation. */
const HARMLESS: readonly DescMethod[] = [AccessService.method.whoAmI];

/**
 * A service as a token of one conversation may use it. What the request names elsewhere is replaced by an id of
 * nothing, so the response is that for what does not exist; a request for all conversations becomes one for this one. A
 * method whose request names no conversation, message (scheduled or not), turn or file is PERMISSION_DENIED, so a new
 * one is closed until it does. All wires, dialects and front ends call the services through this.
 */
export function withinConversation(entry: ServiceEntry, database: Queryable): ServiceEntry {
  const handlers = { ...entry.handlers };
  for (const method of entry.service.methods) {
    const handler = handlers[method.localName];
    if (handler === undefined || HARMLESS.includes(method)) continue;
    const narrow = narrowing(method, database);
    const isStream = method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming";
    handlers[method.localName] = (request, context) => {
      const only = conversationOf(context);
      if (only === undefined) return handler(request, context);
      if (isStream) return answers(async () => handler(await narrow(request, context, only), context));
      return narrow(request, context, only).then((narrowed) => handler(narrowed, context));
    };
  }
  return { ...entry, handlers };
}

/** They make another conversation, of which the token is not. */
const ELSEWHERE: readonly DescMethod[] = [ConversationService.method.forkConversation];

/** Throws for a token of one conversation, where a call is about none. */
export function refuseWithinConversation(context: Pick<CallContext, "principal">): void {
  if (conversationOf(context) !== undefined) throw refused();
}

function conversationOf({ principal }: Pick<CallContext, "principal">): string | undefined {
  return principal.kind === "key" ? principal.client?.conversationId : undefined;
}

async function* answers<T>(begin: () => Promise<AsyncIterable<T>>): AsyncGenerator<T> {
  yield* await begin();
}

type Narrow = (request: Message, context: CallContext, only: string) => Promise<Message>;

function narrowing(method: DescMethod, database: Queryable): Narrow {
  const names = new Set(method.input.fields.map(({ localName }) => localName));
  const isOne = method.methodKind === "unary" || method.methodKind === "server_streaming";
  const subject = isOne && !ELSEWHERE.includes(method) ? SUBJECTS.find(([field]) => names.has(field)) : undefined;
  if (subject === undefined) {
    return async () => {
      throw refused();
    };
  }
  const [field, locate] = subject;
  const namesFiles = holdsFiles(method.input);
  return async (given, context, only) => {
    const request = namesFiles ? await withOwnFiles(method, database, given, context, only) : given;
    // Without a conversation it would make one, or go where another turn is.
    if (method === TurnService.method.createTurn && (request as CreateTurnRequest).conversationId === "")
      throw refused();
    const id = (request as unknown as Record<string, string>)[field] ?? "";
    const place = id === "" ? "" : isOurId(id) ? await locate(database, context, id, only) : undefined;
    if (place === only) return request;
    const narrowed = clone(method.input, request);
    // The field is `conversation_id` if it may be empty: that means all conversations.
    const isAny = id === "" || (id === ANY_PARENT && field === "conversationId");
    (narrowed as unknown as Record<string, string>)[field] = isAny ? only : newId();
    return narrowed;
  };
}

/** Without files that no message of the conversation names: who sees the conversation would see them. */
async function withOwnFiles(
  { input }: DescMethod,
  database: Queryable,
  request: Message,
  { principal, interrupt }: CallContext,
  only: string,
): Promise<Message> {
  const foreign = new Set<string>();
  eachNamedFile(request, input, (_, id) => foreign.add(id));
  for (const id of [...foreign]) {
    if (await isNamedIn(database, callerFrom(principal).tenantId, id, only, interrupt)) foreign.delete(id);
  }
  if (foreign.size === 0) return request;
  const narrowed = clone(input, request);
  eachNamedFile(narrowed, input, (part, id) => {
    if (foreign.has(id)) part.source = { case: "fileId", value: newId() };
  });
  return narrowed;
}

function refused(): DomainError {
  return accessRefused(ErrorReason.PERMISSION_DENIED, "this call is not for a token of one conversation");
}

// Runs mutations once: effect, request id and response are one transaction.
import { createHash } from "node:crypto";
import {
  clone,
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { type Caller, callerFrom } from "../domain/identity/caller.ts";
import { isOurId } from "../domain/ids/id.ts";
import { sortMaps } from "../domain/protobuf/canonical-order.ts";
import type { CallContext } from "../pipeline/call/call.ts";
import { Turns } from "../pipeline/streams/time-slices.ts";
import { longListOf } from "../pipeline/validation/long-list.ts";
import type { Database, Transaction } from "../store/database.ts";
import { claim, firstResponse, keep, type RequestKey } from "../store/idempotency/idempotency.ts";
import { locateMessage, type MessagePlace } from "../store/messages/messages.ts";

/** The key of a call that came with a request id. */
export function requestKeyOf<M extends DescMessage>(
  schema: M,
  request: MessageShape<M>,
  context: CallContext,
  caller: Caller,
): RequestKey | undefined {
  if (context.idempotencyKey === undefined) return undefined;
  const hash = () => createHash("sha256").update(canonicalBytes(schema, request)).digest();
  return keyWith(context.idempotencyKey, context, caller, context.fingerprint ?? hash());
}

/** What tells one request from another, apart from its request id. Others have turns while a long list is written. */
export async function requestHash<M extends DescMessage>(schema: M, request: MessageShape<M>): Promise<Uint8Array> {
  const hash = createHash("sha256");
  const list = longListOf(schema, request);
  if (list === undefined) return hash.update(canonicalBytes(schema, request)).digest();
  const turns = new Turns();
  for (const { message } of list.slices()) {
    await turns.next();
    hash.update(canonicalBytes(schema, message as MessageShape<M>));
  }
  return hash.digest();
}

function canonicalBytes<M extends DescMessage>(schema: M, request: MessageShape<M>): Uint8Array {
  // The request is the same whether its key was in the body or in a header.
  const anonymous = clone(schema, request) as MessageShape<M> & { requestId?: string };
  anonymous.requestId = "";
  // The order of map entries does not matter either: a client may write the same map in a different order each time.
  sortMaps(schema, anonymous);
  return toBinary(schema, anonymous);
}

function keyWith(key: string, context: CallContext, caller: Caller, fingerprint: Uint8Array): RequestKey {
  return {
    tenantId: caller.tenantId,
    caller: caller.name,
    method: `${context.method.parent.typeName}/${context.method.name}`,
    key,
    fingerprint,
  };
}

/** The work of a mutation, inside its transaction. */
export type Work<I extends DescMessage, O extends DescMessage> = (
  tx: Transaction,
  caller: Caller,
  request: MessageShape<I>,
  context: CallContext,
) => Promise<MessageInitShape<O>>;

/** The work of a change of one message; `place` is where the message is, undefined if it does not exist. */
export type MessageWork<I extends DescMessage, O extends DescMessage> = (
  tx: Transaction,
  caller: Caller,
  place: MessagePlace | undefined,
  request: MessageShape<I>,
  context: CallContext,
) => Promise<MessageInitShape<O>>;

/**
 * Creates the handlers of mutations: `work` runs in a transaction. With a request id, a retry returns the first
 * response, and `work` does not run again. Changes of one conversation are queued, so that waiting for its lock takes
 * no connections.
 */
export function createMutations(database: Database) {
  const act = <I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageShape<I>,
    context: CallContext,
    caller: Caller,
    conversationId: string | undefined,
    work: (tx: Transaction) => Promise<MessageInitShape<O>>,
    made?: (response: MessageShape<O>) => string | undefined,
  ) =>
    database.transaction(
      context.interrupt,
      (tx) => actOnce(tx, method, request, context, caller, () => work(tx), made ?? (() => conversationId)),
      conversationId === undefined ? {} : { conversation: { tenantId: caller.tenantId, id: conversationId } },
    );
  return {
    /** Of no existing conversation. `made` finds a created conversation in the response. */
    mutation:
      <I extends DescMessage, O extends DescMessage>(
        method: DescMethodUnary<I, O>,
        work: Work<I, O>,
        made?: (response: MessageShape<O>) => string | undefined,
      ) =>
      (request: MessageShape<I>, context: CallContext): Promise<MessageShape<O>> => {
        const caller = callerFrom(context.principal);
        return act(method, request, context, caller, undefined, (tx) => work(tx, caller, request, context), made);
      },

    /** Of the conversation that the request names. */
    conversationMutation:
      <I extends DescMessage, O extends DescMessage>(method: DescMethodUnary<I, O>, work: Work<I, O>) =>
      (request: MessageShape<I> & { readonly conversationId: string }, context: CallContext) => {
        const caller = callerFrom(context.principal);
        const { conversationId } = request;
        return act(method, request, context, caller, conversationId, (tx) => work(tx, caller, request, context));
      },

    /** Of the message that the request names: its conversation is looked up first. */
    messageMutation:
      <I extends DescMessage, O extends DescMessage>(method: DescMethodUnary<I, O>, work: MessageWork<I, O>) =>
      async (request: MessageShape<I> & { readonly messageId: string }, context: CallContext) => {
        const caller = callerFrom(context.principal);
        const { messageId: id } = request;
        const place = isOurId(id) ? await locateMessage(database, caller, id, context.interrupt) : undefined;
        const run = (tx: Transaction) => work(tx, caller, place, request, context);
        return act(method, request, context, caller, place?.conversation_id, run);
      },
  };
}

/**
 * Runs `work` in a transaction; if the request id was used before, returns the first response instead. `about` returns
 * the conversation of a response, which is purged with it.
 */
export async function actOnce<I extends DescMessage, O extends DescMessage>(
  tx: Transaction,
  { input, output }: DescMethodUnary<I, O>,
  request: MessageShape<I>,
  context: CallContext,
  caller: Caller,
  work: () => Promise<MessageInitShape<O>>,
  about: (response: MessageShape<O>) => string | undefined = () => undefined,
): Promise<MessageShape<O>> {
  const key =
    context.idempotencyKey === undefined
      ? undefined
      : keyWith(context.idempotencyKey, context, caller, context.fingerprint ?? (await requestHash(input, request)));
  const first = key && (await claim(tx, key));
  if (first) return fromBinary(output, firstResponse(first));
  const response = create(output, await work());
  if (key) await keep(tx, key, toBinary(output, response), about(response));
  return response;
}

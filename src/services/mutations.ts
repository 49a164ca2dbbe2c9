// How a mutation acts once: its effect, its request id and its answer are one transaction.
import { createHash, type Hash } from "node:crypto";
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
import type { CallContext } from "../pipeline/call.ts";
import { Turns } from "../pipeline/time-slices.ts";
import { longListOf } from "../pipeline/validation/long-list.ts";
import type { Database, Transaction } from "../store/database.ts";
import { claim, firstAnswer, keep, type RequestKey } from "../store/idempotency/idempotency.ts";
import { locateMessage, type MessagePlace } from "../store/messages/messages.ts";

/** The key of a call that came with a request id. */
export function requestKeyOf<M extends DescMessage>(
  schema: M,
  request: MessageShape<M>,
  context: CallContext,
  caller: Caller,
): RequestKey | undefined {
  if (context.idempotencyKey === undefined) return undefined;
  const hash = createHash("sha256").update(canonicalBytes(schema, request));
  return keyWith(context.idempotencyKey, context, caller, hash);
}

/** The same, of a request that may hold a long list: others have turns while that is written. */
async function requestKeyByTurns<M extends DescMessage>(
  schema: M,
  request: MessageShape<M>,
  context: CallContext,
  caller: Caller,
): Promise<RequestKey | undefined> {
  const list = context.idempotencyKey === undefined ? undefined : longListOf(schema, request);
  if (context.idempotencyKey === undefined || list === undefined) return requestKeyOf(schema, request, context, caller);
  const hash = createHash("sha256");
  const turns = new Turns();
  for (const { message } of list.slices()) {
    await turns.next();
    hash.update(canonicalBytes(schema, message as MessageShape<M>));
  }
  return keyWith(context.idempotencyKey, context, caller, hash);
}

function canonicalBytes<M extends DescMessage>(schema: M, request: MessageShape<M>): Uint8Array {
  // The same request is the same wherever its key stood: in the body or in a header.
  const anonymous = clone(schema, request) as MessageShape<M> & { requestId?: string };
  anonymous.requestId = "";
  // Nor does the order of what has none: a client may write the same map in another one each time.
  sortMaps(schema, anonymous);
  return toBinary(schema, anonymous);
}

function keyWith(key: string, context: CallContext, caller: Caller, hash: Hash): RequestKey {
  return {
    tenantId: caller.tenantId,
    caller: caller.name,
    method: `${context.method.parent.typeName}/${context.method.name}`,
    key,
    fingerprint: hash.digest(),
  };
}

/** What a mutation does inside its transaction. */
export type Work<I extends DescMessage, O extends DescMessage> = (
  tx: Transaction,
  caller: Caller,
  request: MessageShape<I>,
  context: CallContext,
) => Promise<MessageInitShape<O>>;

/** What a change of one message does; `place` is where the message is, undefined if there is none of this id. */
export type MessageWork<I extends DescMessage, O extends DescMessage> = (
  tx: Transaction,
  caller: Caller,
  place: MessagePlace | undefined,
  request: MessageShape<I>,
  context: CallContext,
) => Promise<MessageInitShape<O>>;

/**
 * Makes the handlers of mutations: `work` runs in a transaction. With a request id, a repeat is answered with what the
 * first call was answered, and `work` does not run again. Changes of one conversation take turns, so that those who wait
 * for its lock take no connections from others.
 */
export function createMutations(database: Database) {
  const act = <I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageShape<I>,
    context: CallContext,
    caller: Caller,
    conversationId: string | undefined,
    work: (tx: Transaction) => Promise<MessageInitShape<O>>,
    made?: (answer: MessageShape<O>) => string | undefined,
  ) =>
    database.transaction(
      context.interrupt,
      (tx) => actOnce(tx, method, request, context, caller, () => work(tx), made ?? (() => conversationId)),
      conversationId === undefined ? {} : { conversation: { tenantId: caller.tenantId, id: conversationId } },
    );
  return {
    /** Of no conversation that is there already. `made` finds the one that was made in the answer, if one was. */
    mutation:
      <I extends DescMessage, O extends DescMessage>(
        method: DescMethodUnary<I, O>,
        work: Work<I, O>,
        made?: (answer: MessageShape<O>) => string | undefined,
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

    /** Of the message that the request names: where it is, is looked up first. */
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
 * Lets `work` act in a transaction, unless the request id was used before: then it gives the first answer. `about` says
 * which conversation an answer is about, with which it is purged.
 */
export async function actOnce<I extends DescMessage, O extends DescMessage>(
  tx: Transaction,
  { input, output }: DescMethodUnary<I, O>,
  request: MessageShape<I>,
  context: CallContext,
  caller: Caller,
  work: () => Promise<MessageInitShape<O>>,
  about: (answer: MessageShape<O>) => string | undefined = () => undefined,
): Promise<MessageShape<O>> {
  const key = await requestKeyByTurns(input, request, context, caller);
  const first = key && (await claim(tx, key));
  if (first) return fromBinary(output, firstAnswer(first));
  const answer = create(output, await work());
  if (key) await keep(tx, key, toBinary(output, answer), about(answer));
  return answer;
}

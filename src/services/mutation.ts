// How a mutation acts once: its effect, its request id and its answer are one transaction.
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
import { type Caller, callerFrom } from "../domain/caller.ts";
import type { CallContext } from "../rpc/call.ts";
import type { Database, Transaction } from "../store/database.ts";
import { claim, keep, type RequestKey } from "../store/idempotency.ts";

/** The key of a call that came with a request id. */
export function requestKeyOf<M extends DescMessage>(
  schema: M,
  request: MessageShape<M>,
  context: CallContext,
  caller: Caller,
): RequestKey | undefined {
  if (context.idempotencyKey === undefined) return undefined;
  // The same request is the same wherever its key stood: in the body or in a header.
  const anonymous = clone(schema, request) as MessageShape<M> & { requestId?: string };
  anonymous.requestId = "";
  return {
    tenantId: caller.tenantId,
    caller: caller.name,
    method: `${context.method.parent.typeName}/${context.method.name}`,
    key: context.idempotencyKey,
    fingerprint: createHash("sha256").update(toBinary(schema, anonymous)).digest(),
  };
}

/** What a mutation does inside its transaction. */
export type Work<I extends DescMessage, O extends DescMessage> = (
  tx: Transaction,
  caller: Caller,
  request: MessageShape<I>,
  context: CallContext,
) => Promise<MessageInitShape<O>>;

/**
 * Makes the handler of a mutation: `work` runs in a transaction. With a request id, a repeat is answered with what the
 * first call was answered, and `work` does not run again.
 */
export function createMutations(database: Database) {
  return <I extends DescMessage, O extends DescMessage>(method: DescMethodUnary<I, O>, work: Work<I, O>) =>
    (request: MessageShape<I>, context: CallContext): Promise<MessageShape<O>> => {
      const caller = callerFrom(context.principal);
      return database.transaction(context.signal, (tx) =>
        actOnce(tx, method, request, context, caller, () => work(tx, caller, request, context)),
      );
    };
}

/** Lets `work` act in a transaction, unless the request id was used before: then it gives the first answer. */
export async function actOnce<I extends DescMessage, O extends DescMessage>(
  tx: Transaction,
  { input, output }: DescMethodUnary<I, O>,
  request: MessageShape<I>,
  context: CallContext,
  caller: Caller,
  work: () => Promise<MessageInitShape<O>>,
): Promise<MessageShape<O>> {
  const key = requestKeyOf(input, request, context, caller);
  const first = key && (await claim(tx, key));
  if (first) return fromBinary(output, first.answer ?? new Uint8Array());
  const answer = create(output, await work());
  if (key) await keep(tx, key, toBinary(output, answer));
  return answer;
}

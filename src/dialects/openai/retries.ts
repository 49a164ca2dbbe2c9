// Recognizes retries of OpenAI's clients, which count their attempts and send no idempotency key, so that they act
// once.
import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Attempts } from "../../services/in-process/attempts.ts";

const COUNT = "x-stainless-retry-count";

/** The context in which a method calls its mutation, so that a further attempt is answered as the first. */
export type ActOnce = (context: CallContext, mutation: DescMethod, request: Message) => Promise<CallContext>;

export function createActOnce(attempts: Attempts): ActOnce {
  return (context, mutation, request) => {
    const count = context.header(COUNT);
    return attempts.begin(context, mutation, request, count === undefined ? undefined : Number(count) || 0);
  };
}

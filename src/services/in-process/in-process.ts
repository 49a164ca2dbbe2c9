// The services as the dialects call them: in process, through the same permissions and validation as any other call.
import { createHash } from "node:crypto";
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodClientStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  isMessage,
  type Message,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import type { Principal } from "../../domain/identity/principal.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { ServiceEntry } from "../../pipeline/service.ts";
import { validateByTurns } from "../../pipeline/validation/by-turns.ts";
import { validate } from "../../pipeline/validation/validation.ts";
import { patiently } from "../../store/retry.ts";
import { deriveContext } from "./context.ts";
import { createResponseBudgets, type ResponseBudget } from "./response-budget.ts";

/** Whether a principal may call a method at all. Throws SCOPE_MISSING or PERMISSION_DENIED. */
export type Permit = (principal: Principal, method: DescMethod) => void;

/**
 * Calls methods of the services on behalf of a call that is under way: as its principal, under its request id, until
 * its deadline. What belongs to the call as a whole (authentication, rate limits, the log line) has happened and does
 * not happen again.
 *
 * A nested call has no idempotency key of its own: of the calls that make up one call of a dialect, the one that must
 * not act twice is given the key by {@link once}.
 */
export interface Canonical {
  /** The budget of a response that is composed of several calls: each adds what it read. */
  responseBudget(context: CallContext): ResponseBudget;
  /**
   * Throws what the method throws. After the mutation commits, reads for the response are retried while the database is
   * busy or unavailable: an error here would look like a failed mutation.
   */
  call<I extends DescMessage, O extends DescMessage>(
    context: CallContext,
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>>;
  /**
   * Like `call`, for the one mutation of a dialect's call: a retry with the same `Idempotency-Key` does not act again.
   *
   * @param key what makes it the same call, where the dialect says so itself. Default: the `Idempotency-Key`
   */
  once<I extends DescMessage, O extends DescMessage>(
    context: CallContext,
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    key?: string,
  ): Promise<MessageShape<O>>;
  /** Like `once`, for a method that streams. */
  stream<I extends DescMessage, O extends DescMessage>(
    context: CallContext,
    method: DescMethodServerStreaming<I, O>,
    request: MessageInitShape<I>,
  ): AsyncIterable<MessageShape<O>>;
  /** Like `once`, for a method that takes a stream. What `requests` throws, it throws. */
  upload<I extends DescMessage, O extends DescMessage>(
    context: CallContext,
    method: DescMethodClientStreaming<I, O>,
    requests: AsyncIterable<MessageInitShape<I>>,
  ): Promise<MessageShape<O>>;
}

export interface CanonicalOptions {
  /** The services of `colloquy.v1`. */
  readonly services: readonly ServiceEntry[];
  readonly permit: Permit;
  /**
   * What a dialect's method says that it calls: calling anything else is a defect, for its permissions follow from
   * that.
   */
  readonly callsOf: (method: DescMethod) => readonly DescMethod[];
  /** What it says that it calls if its request asks for it: the caller's permission is looked at then. */
  readonly mayCallOf?: (method: DescMethod) => readonly DescMethod[];
  /** The methods that it declares to call for its own response, without a permission. */
  readonly answersOf: (method: DescMethod) => readonly DescMethod[];
  /** What any method may call besides, if the caller's own permissions let it. */
  readonly always?: readonly DescMethod[];
}

/** How long reads for the response are retried after the mutation, in milliseconds. */
const PATIENCE_MS = 5_000;

export function createCanonical(options: CanonicalOptions): Canonical {
  const { services, permit, callsOf, mayCallOf = () => [], answersOf, always = [] } = options;
  const entries = new Map(services.map((entry) => [entry.service, entry]));
  const acted = new WeakSet<CallContext>();

  function handlerFor(context: CallContext, method: DescMethod) {
    const handler = entries.get(method.parent)?.handlers[method.localName];
    if (handler === undefined) throw new Error(`${method} is not served`);
    const asksFor = [callsOf, mayCallOf].some((methodsOf) => methodsOf(context.method).includes(method));
    if (asksFor || always.includes(method)) permit(context.principal, method);
    else if (!answersOf(context.method).includes(method)) {
      throw new Error(`${context.method} does not say that it calls ${method}`);
    }
    return handler;
  }

  async function checked(method: DescMethod, init: MessageInitShape<DescMessage>): Promise<Message> {
    const request = create(method.input, init);
    const checking = validateByTurns(validate, method.input, request);
    if (checking !== undefined) await checking;
    return request;
  }

  async function begin(context: CallContext, method: DescMethod, init: MessageInitShape<DescMessage>, key?: string) {
    const handler = handlerFor(context, method);
    const request = await checked(method, init);
    return () => handler(request, deriveContext(context, { method, idempotencyKey: key }));
  }

  async function unary(context: CallContext, method: DescMethod, init: MessageInitShape<DescMessage>, key?: string) {
    return messageOf(method, await (await begin(context, method, init, key))());
  }

  return {
    responseBudget: createResponseBudgets(),
    call(context, method, request) {
      const read = () => unary(context, method, request) as never;
      return acted.has(context) ? patiently(read, PATIENCE_MS, context.signal) : read();
    },
    async once(context, method, request, key = keyOf(context)) {
      const response = await unary(context, method, request, key);
      acted.add(context);
      return response as never;
    },
    async *stream(context, method, request) {
      for await (const response of (await begin(context, method, request, keyOf(context)))()) {
        acted.add(context);
        yield messageOf(method, response) as never;
      }
    },
    async upload(context, method, requests) {
      const handler = handlerFor(context, method);
      async function* all() {
        for await (const init of requests) yield await checked(method, init);
      }
      const key = keyOf(context);
      // The service reads it as one that a client sent, which has rules.
      const idempotencyKey = key && createHash("sha256").update(key).digest("base64url");
      const response = await handler(all(), deriveContext(context, { method, idempotencyKey }));
      acted.add(context);
      return messageOf(method, response) as never;
    },
  };
}

/** A handler may return an init shape. */
function messageOf({ output }: DescMethod, response: Message): Message {
  return isMessage(response, output) ? response : create(output, response);
}

/**
 * The caller's key, set apart from the keys of other methods that make the same call: two methods of one dialect, or of
 * two, that were given the same key are two calls.
 */
export function keyOf({ idempotencyKey, method }: CallContext): string | undefined {
  return idempotencyKey === undefined ? undefined : `${method.parent.typeName}/${method.name} ${idempotencyKey}`;
}

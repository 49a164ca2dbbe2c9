// The types of a service's handlers: plain functions of (request, context), whatever the wire.
import type {
  DescMethod,
  DescMethodClientStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { CallContext } from "./call/call.ts";

export type Handler<M extends DescMethod> =
  M extends DescMethodUnary<infer I, infer O>
    ? (request: MessageShape<I>, context: CallContext) => Promise<MessageInitShape<O>>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageShape<I>, context: CallContext) => AsyncIterable<MessageInitShape<O>>
      : M extends DescMethodClientStreaming<infer I, infer O>
        ? (requests: AsyncIterable<MessageShape<I>>, context: CallContext) => Promise<MessageInitShape<O>>
        : M extends DescMethod & {
              input: infer I extends DescMethod["input"];
              output: infer O extends DescMethod["output"];
            }
          ? (requests: AsyncIterable<MessageShape<I>>, context: CallContext) => AsyncIterable<MessageInitShape<O>>
          : never;

/** One handler for each method of a service. */
export type Handlers<S extends DescService> = { [K in keyof S["method"]]: Handler<S["method"][K]> };

/** A service and its handlers, as the pipeline takes them. */
export interface ServiceEntry {
  readonly service: DescService;
  // biome-ignore lint/suspicious/noExplicitAny: the pipeline calls a handler by its descriptor, which fixes the types
  readonly handlers: Record<string, (request: any, context: CallContext) => any>;
  /** Served without a credential, not rate limited, and still while the server drains: health, reflection. */
  readonly open: boolean;
  /**
   * Gets its requests as they are, with U+FFFD for what is not UTF-8: what is wrong with one is for the service to say.
   * Default: false.
   */
  readonly unchecked?: boolean;
}

/**
 * Pairs a service with its handlers; the compiler sees that none is missing. Callers need a credential unless `open`.
 */
export function serve<S extends DescService>(
  service: S,
  handlers: Handlers<S>,
  { open = false, unchecked = false }: Partial<Pick<ServiceEntry, "open" | "unchecked">> = {},
): ServiceEntry {
  return { service, handlers, open, unchecked };
}

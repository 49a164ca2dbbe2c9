// Spans of what the server does, as the rest of the server sees them. src/telemetry/tracing implements them.

export type SpanAttributes = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** Whose work a span covers: a caller's request, a request to another party, or a step of our own. */
export type SpanKind = "server" | "client" | "internal";

export interface SpanOptions {
  readonly kind: SpanKind;
  readonly attributes?: SpanAttributes;
}

export interface Span {
  /** For log lines. Undefined if the trace is not sampled. */
  readonly ids: SpanIds | undefined;
  /** Runs `work`, and everything that it awaits, below this span. */
  run<T>(work: () => T): T;
  set(attributes: SpanAttributes): void;
  /** Ends it, once. `failure` is a code or a word, never a message: messages may have content. */
  end(failure?: string): void;
}

export interface SpanIds {
  readonly traceId: string;
  readonly spanId: string;
}

export interface Tracing {
  /** Starts the span of a request, below that of its `traceparent` header where there is one. */
  receive(name: string, header: (name: string) => string | undefined, options: SpanOptions): Span;
  /** Starts a span that begins a trace of its own. */
  begin(name: string, options: SpanOptions): Span;
  /** Starts a span below the current one. Undefined if there is none, or its trace is not sampled. */
  below(name: string, options: SpanOptions): Span | undefined;
  /** The headers that carry the current span to another server (W3C Trace Context). Empty if there is none. */
  headers(): Readonly<Record<string, string>>;
}

/** Iterates in a span: the steps of the iterable run below it. The span is not ended. */
export function iterateIn<T>(span: Span, source: AsyncIterable<T>): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const inner = span.run(() => source[Symbol.asyncIterator]());
      return {
        next: () => span.run(() => inner.next()),
        return: (value?: unknown) =>
          inner.return === undefined
            ? Promise.resolve({ done: true, value: undefined })
            : span.run(() => (inner.return as NonNullable<typeof inner.return>)(value)),
      };
    },
  };
}

/** The word for a failure: the code of a DomainError or of the system, else the name of its class. */
export function failureWord(error: unknown): string {
  const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown };
  if (typeof code === "string" && code !== "") return code;
  return typeof name === "string" && name !== "" ? name : "error";
}

// One call in the pipeline: its stages and its outcome.
import { create, isMessage, type Message } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { challenge } from "../access/credential.ts";
import { DomainError, ErrorReason } from "../domain/errors.ts";
import { partyOf } from "../domain/identity/party.ts";
import type { Principal } from "../domain/identity/principal.ts";
import { POSITION_HEADER } from "../domain/read-position.ts";
import { iterateIn } from "../domain/tracing.ts";
import type { Call, CallHead } from "./call/call.ts";
import { CallState, type Route } from "./call/call-state.ts";
import { deadlineExceeded, orAborted, shuttingDown } from "./call/deadline.ts";
import { IDEMPOTENCY_HEADER, idempotencyKey } from "./call/idempotency-key.ts";
import { setPopulatedMask } from "./call/implied-mask.ts";
import { replicaRead } from "./call/replica-read.ts";
import { toConnectError } from "./errors.ts";
import { tooMuchAtOnce } from "./load-shedding.ts";
import { isPushed, mapped, type PushSink, type PushStream, pushAll } from "./streams/push-stream.ts";
import { checked, onlyOne, untilAborted } from "./streams/request-streams.ts";

export class PipelineCall extends CallState implements Call {
  #started = performance.now();
  #ended = false;
  #atTheDoor = true;
  #failure: ConnectError | undefined;
  #leaveStream: (() => void) | undefined;
  #onceOver: (() => void)[] | undefined;

  constructor(head: CallHead, route: Route) {
    super(head, route);
    route.options.metrics.started(route.path, head.wire);
    if (head.method.methodKind === "unary") route.options.door?.began();
  }

  onceOver(act: () => void): void {
    if (this.#ended) act();
    else if (this.#onceOver === undefined) this.#onceOver = [act];
    else this.#onceOver.push(act);
  }

  turnAway(): ConnectError | undefined {
    const { open, options } = this.route;
    if (!this.#atTheDoor) return undefined;
    this.#atTheDoor = false;
    // A server that stops says so instead.
    const tooMuch =
      open || options.lifecycle.draining.aborted ? undefined : options.door?.shed(() => options.claimed?.(this));
    return tooMuch && this.fail(tooMuch);
  }

  admit(): Promise<void> | undefined {
    const { open, options } = this.route;
    const refused = this.turnAway();
    if (refused !== undefined) throw refused;
    const whose = () => partyOf(options.claimed?.(this));
    const waiting = open ? undefined : options.starts?.enter(whose, () => this.interrupt);
    return waiting === undefined ? this.#begin() : waiting.then((begins) => this.#beginAfter(begins));
  }

  #beginAfter(begins: boolean): Promise<void> | undefined {
    const { aborted, reason } = this.interrupt;
    if (begins && !aborted) return this.#begin();
    // Who calls most is known by all that came.
    const { claimed, door } = this.route.options;
    const caller = claimed?.(this);
    if (caller !== undefined) door?.entered(caller);
    // Nobody waits for it any more.
    throw aborted ? reason : tooMuchAtOnce();
  }

  #begin(): Promise<void> | undefined {
    const { open, options } = this.route;
    if (this.deadline !== undefined && this.deadline <= Date.now()) throw deadlineExceeded();
    if (open) {
      this.caller = { kind: "anonymous" };
      this.#enterStream();
      return undefined;
    }
    if (options.lifecycle.draining.aborted) throw shuttingDown();
    const principal = this.#inSpan(() => options.authenticate(this));
    if (principal instanceof Promise) return principal.then((known) => this.#enter(known));
    this.#enter(principal);
    return undefined;
  }

  #enter(principal: Principal): void {
    this.caller = principal;
    this.interrupt.caller = principal;
    const { door, limit, allow } = this.route.options;
    door?.entered(principal);
    limit?.(this);
    allow?.(this);
    this.#enterStream();
  }

  #enterStream(): void {
    if (this.method.methodKind === "unary" || this.#ended) return;
    this.#leaveStream = this.route.options.streams?.enter(this.principal, this.address);
  }

  async unary(request: Message): Promise<Message> {
    const checking = this.#accept(request);
    if (checking !== undefined) await checking;
    // Without a deadline nobody waits longer than the handler works, so the signal need not be made.
    if (this.deadline === undefined) return this.#output(await this.#answer(request));
    if (this.interrupt.aborted) throw this.interrupt.reason;
    return this.#output(await orAborted(Promise.resolve(this.#answer(request)), this.interrupt));
  }

  stream(requests: AsyncIterable<Message>): AsyncIterable<Message> {
    if (this.method.methodKind !== "server_streaming") return this.#answers(requests);
    return {
      [Symbol.asyncIterator]: () => this.#answers(requests)[Symbol.asyncIterator](),
      pushTo: (sink) => this.#pushTo(requests, sink),
    } satisfies PushStream<Message> as AsyncIterable<Message>;
  }

  end(): void {
    this.#record(undefined);
  }

  fail(error: unknown): ConnectError {
    if (this.#failure !== undefined) return this.#failure;
    const failure = this.#classify(error);
    this.#failure = toConnectError(failure);
    const { retryAfterMs } = failure.details;
    // RFC 9110 §10.2.3: whole seconds.
    if (retryAfterMs !== undefined) this.setHeader("retry-after", String(Math.ceil(retryAfterMs / 1000)));
    // RFC 9110 §15.5.2: a 401 says how to authenticate.
    const how = challenge(failure.reason);
    if (how !== undefined) this.setHeader("www-authenticate", how);
    this.#record(failure);
    return this.#failure;
  }

  /** What a failure means to the caller: once the call is aborted, whatever broke because of that means the abort. */
  #classify(error: unknown): DomainError {
    if (error instanceof DomainError) return error;
    const { aborted, reason } = this.interrupt;
    if (aborted && reason instanceof DomainError) return reason;
    return new DomainError(ErrorReason.INTERNAL, "internal error", { cause: error });
  }

  #record(failure: DomainError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    const milliseconds = performance.now() - this.#started;
    const kind = this.method.methodKind === "unary" ? "unary" : "stream";
    if (kind === "unary") this.route.options.door?.ended(milliseconds);
    this.#leaveStream?.();
    if (this.#onceOver !== undefined) for (const act of this.#onceOver) act();
    const principal = this.caller;
    this.route.record({
      method: this.route.path,
      wire: this.wire,
      kind,
      requestId: this.requestId,
      tenant: principal !== undefined && "tenantId" in principal ? principal.tenantId : undefined,
      milliseconds,
      failure,
      sent: this.#failure,
      span: this.span,
    });
  }

  /** The service's response, as promise or stream; its work runs below the call's span. */
  // biome-ignore lint/suspicious/noExplicitAny: the descriptor fixes the types
  #handle(request: any): any {
    return this.#inSpan(() => this.route.handler(request, this));
  }

  #answer(request: Message): Message | Promise<Message> {
    const position = this.route.replicaReads ? this.header(POSITION_HEADER) : undefined;
    if (position === undefined) return this.#handle(request);
    return replicaRead(this, position, () => this.#handle(request));
  }

  #inSpan<T>(work: () => T): T {
    return this.span === undefined ? work() : this.span.run(work);
  }

  /** A promise where the request holds a long list. */
  #accept(request: Message): Promise<void> | undefined {
    const checking = this.route.validate(this.method.input, request);
    if (checking !== undefined) return checking.then(() => this.#finishRequest(request));
    this.#finishRequest(request);
    return undefined;
  }

  #finishRequest(request: Message): void {
    if (this.route.update !== undefined) setPopulatedMask(this.route.update, request);
    this.#readKey(request);
  }

  #readKey(request: Message | undefined): void {
    this.idempotencyKey = idempotencyKey(request, this.route.requestIdField, this.header(IDEMPOTENCY_HEADER));
  }

  #checked(requests: AsyncIterable<Message>): AsyncIterable<Message> {
    return checked(requests, (request) => this.route.validate(this.method.input, request));
  }

  async *#answers(requests: AsyncIterable<Message>): AsyncGenerator<Message> {
    switch (this.method.methodKind) {
      case "unary":
        yield await this.unary(await onlyOne(requests));
        return;
      case "server_streaming":
        yield* this.#outputs(await this.#serverStream(await onlyOne(requests)));
        return;
      case "client_streaming":
        this.#readKey(undefined);
        yield this.#output(await orAborted(Promise.resolve(this.#handle(this.#checked(requests))), this.signal));
        return;
      case "bidi_streaming":
        this.#readKey(undefined);
        yield* this.#outputs(this.#handle(this.#checked(requests)));
    }
  }

  /** The call ends when it is aborted, whatever the service does, as it does where responses are pulled one by one. */
  async #pushTo(requests: AsyncIterable<Message>, sink: PushSink<Message>): Promise<void> {
    const answers = await this.#serverStream(await onlyOne(requests));
    if (isPushed(answers)) {
      const pushed = this.#inSpan(() => answers.pushTo(mapped(sink, this.#whole)));
      await orAborted(pushed, this.signal);
    } else await pushAll(this.#outputs(answers), sink);
  }

  async #serverStream(request: Message): Promise<AsyncIterable<Message>> {
    await this.#accept(request);
    return this.#handle(request);
  }

  /** A handler may return an init shape. */
  #output(answer: Message): Message {
    return isMessage(answer, this.method.output) ? answer : create(this.method.output, answer);
  }

  /** A list that is whole already stays the same list, which wires know again. */
  readonly #whole = (answers: readonly Message[]): readonly Message[] =>
    answers.every((answer) => isMessage(answer, this.method.output))
      ? answers
      : answers.map((answer) => this.#output(answer));

  async *#outputs(answers: AsyncIterable<Message>): AsyncIterable<Message> {
    const steps = this.span === undefined ? answers : iterateIn(this.span, answers);
    for await (const answer of untilAborted(steps, this.signal)) yield this.#output(answer);
  }
}

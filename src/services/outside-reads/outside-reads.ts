// What a tenant lets those read who take no part in a conversation: all, all with an entry in the audit log, or
// nothing.
import type { DescMethod, Message, MessageInitShape } from "@bufbuild/protobuf";
import { EventService } from "../../../gen/colloquy/v1/event_service_pb.ts";
import { FileService } from "../../../gen/colloquy/v1/file_service_pb.ts";
import { OutsideReads as Setting } from "../../../gen/colloquy/v1/tenant_pb.ts";
import type { Turn } from "../../../gen/colloquy/v1/turn_pb.ts";
import type { GetTurnResponse, GetTurnResponseSchema } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { accessRefused, ErrorReason } from "../../domain/errors.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import type { Principal } from "../../domain/identity/principal.ts";
import { viewerOf } from "../../domain/identity/visibility.ts";
import { isOurId } from "../../domain/ids/id.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { ServiceEntry } from "../../pipeline/service.ts";
import { pushAll, pushed } from "../../pipeline/streams/push-stream.ts";
import { currentMinute, isPartOf, noteFileRead, noteReads, type Reading } from "../../store/audit/reads.ts";
import type { Database } from "../../store/database.ts";
import { eachNamedFile, holdsFiles } from "../files/named-in-request.ts";
import { deriveContext } from "../in-process/context.ts";
import { redact } from "../redaction.ts";
import { conversationsAsked, conversationsShown, holdsAnything } from "./conversations.ts";
import { NOTED, showingOf } from "./methods.ts";

/** Reads of the running minute that are remembered as noted. */
const MAX_NOTED = 50_000;

export interface OutsideReadsOptions {
  readonly database: Database;
  /** The setting of a tenant, if it is cached; undefined: it is not. */
  readonly known: (tenantId: string) => Setting | undefined;
  readonly find: (tenantId: string) => Promise<Setting>;
}

// biome-ignore lint/suspicious/noExplicitAny: the descriptor fixes the types
type AnyHandler = (request: any, context: CallContext) => any;

export class OutsideReads {
  readonly #options: OutsideReadsOptions;
  /** What held when a call began, for those that go on for long. */
  readonly #begun = new WeakMap<CallContext, Setting>();
  #minute = 0;
  readonly #noted = new Set<string>();

  constructor(options: OutsideReadsOptions) {
    this.#options = options;
  }

  /**
   * A service as the setting of the caller's tenant lets it be used. All wires, dialects and front ends call it through
   * this.
   */
  wrap(entry: ServiceEntry): ServiceEntry {
    const handlers: Record<string, AnyHandler> = { ...entry.handlers };
    for (const method of entry.service.methods) {
      const handler = handlers[method.localName];
      const showing = showingOf(method);
      const names = takesOneRequest(method) && holdsFiles(method.input);
      if (handler === undefined || (showing === undefined && !names)) continue;
      const shown =
        showing === undefined
          ? handler
          : showing === "echo"
            ? this.#echo(method, handler)
            : this.#read(method, handler);
      const held = names ? this.#naming(method, shown) : shown;
      handlers[method.localName] = (request: Message, context) => {
        if (viewerOf(context.principal).kind === "member") return handler(request, context);
        if (this.#options.known(tenantOf(context)) === Setting.ALWAYS) return handler(request, context);
        return held(request, context);
      };
    }
    return { ...entry, handlers };
  }

  /** Whether it may have changed who calls, which `renewed` does again. */
  holds(context: CallContext): boolean {
    return this.#begun.has(context);
  }

  /** Who calls now, in the middle of a call. Throws where what it may read has changed. */
  async renewed(context: CallContext, principal: Principal): Promise<Principal> {
    if (showingOf(context.method) === undefined || viewerOf(principal).kind === "member") return principal;
    const setting = await this.#options.find(callerFrom(principal).tenantId);
    if (setting !== (this.#begun.get(context) ?? Setting.ALWAYS)) {
      throw accessRefused(
        ErrorReason.PERMISSION_DENIED,
        "the tenant changed who may read without taking part; begin again",
      );
    }
    return setting === Setting.NEVER ? asMember(context.method, principal) : principal;
  }

  #read(method: DescMethod, handler: AnyHandler): AnyHandler {
    const prepare = async (request: Message, context: CallContext) => {
      const setting = await this.#options.find(tenantOf(context));
      const { principal } = context;
      const as =
        setting === Setting.NEVER ? deriveContext(context, { principal: asMember(method, principal) }) : context;
      this.#begun.set(as, setting);
      return { as, note: setting === Setting.AUDITED ? this.#noting(method, request, context) : undefined };
    };
    if (method.methodKind === "unary") {
      return async (request: Message, context) => {
        const { as, note } = await prepare(request, context);
        const response = await handler(request, as);
        await note?.(response);
        return response;
      };
    }
    const run = async function* (request: Message, context: CallContext) {
      const { as, note } = await prepare(request, context);
      for await (const response of handler(request, as)) {
        if (note !== undefined && holdsAnything(method.output, response)) await note(response);
        yield response;
      }
    };
    if (method !== EventService.method.subscribe) return run;
    // Pushed where nothing is noted, so that streams of many callers go on to share what is encoded.
    return (request: Message, context) =>
      pushed(async (sink) => {
        const setting = await this.#options.find(tenantOf(context));
        const direct = setting === Setting.ALWAYS;
        await pushAll(direct ? handler(request, context) : run(request, context), sink);
      });
  }

  /** A change is made by whoever may make it, and a turn's state seen; what is said in the response is read. */
  #echo(method: DescMethod, handler: AnyHandler): AnyHandler {
    return async (request: Message, context) => {
      const setting = await this.#options.find(tenantOf(context));
      const response = await handler(request, context);
      if (method === NOTED && (response as GetTurnResponse).turn?.noteJson === "") return response;
      if (setting === Setting.AUDITED) await this.#noting(method, request, context)(response);
      if (setting !== Setting.NEVER) return response;
      const [id] = conversationsShown(method.output, response);
      const isPart = id !== undefined && (await isPartOf(this.#options.database, callerFrom(context.principal), id));
      if (isPart) return response;
      return method === NOTED ? withoutNote(response) : redact(method, request, response);
    };
  }

  /**
   * Whoever lets a message name a file has it from then on, so that counts as a read of it, noted before: afterwards
   * the caller takes part in a conversation that names it. Whether it may be named at all is the store's to say.
   */
  #naming(method: DescMethod, handler: AnyHandler): AnyHandler {
    const note = async (request: Message, context: CallContext) => {
      const ids = new Set<string>();
      eachNamedFile(request, method.input, (_, id) => ids.add(id));
      if (ids.size === 0 || (await this.#options.find(tenantOf(context))) !== Setting.AUDITED) return;
      const reading = readingOf(method, context);
      for (const id of ids) await this.#noteFile(reading, id, context.interrupt);
    };
    if (method.methodKind === "unary") {
      return async (request: Message, context) => {
        await note(request, context);
        return handler(request, context);
      };
    }
    return async function* (request: Message, context) {
      await note(request, context);
      yield* handler(request, context);
    };
  }

  /** Notes what a response shows before it is passed on, unless that was noted in this minute. */
  #noting(method: DescMethod, request: Message, context: CallContext): (response: object) => Promise<void> {
    const { database } = this.#options;
    const { interrupt } = context;
    const reading = readingOf(method, context);
    if (method.input.fields.some(({ localName }) => localName === "fileId")) {
      const { fileId } = request as unknown as { readonly fileId: string };
      return () => this.#noteFile(reading, fileId, interrupt);
    }
    let asked: Promise<string[] | undefined> | undefined;
    return async (response) => {
      asked ??= conversationsAsked(database, method, request, context);
      const ids = (await asked) ?? [...conversationsShown(method.output, response)];
      const fresh = ids.filter((id) => this.#isNew(keyOf(reading, id)));
      if (fresh.length === 0) return;
      await noteReads(database, reading, fresh, interrupt);
      for (const id of fresh) this.#remember(keyOf(reading, id));
    };
  }

  async #noteFile(reading: Reading, id: string, interrupt: CallContext["interrupt"]): Promise<void> {
    const key = keyOf(reading, id);
    if (!this.#isNew(key) || !isOurId(id)) return;
    await noteFileRead(this.#options.database, reading, id, interrupt);
    this.#remember(key);
  }

  #isNew(key: string): boolean {
    const minute = currentMinute();
    if (minute !== this.#minute || this.#noted.size > MAX_NOTED) this.#noted.clear();
    this.#minute = minute;
    return !this.#noted.has(key);
  }

  #remember(key: string): void {
    this.#noted.add(key);
  }
}

function withoutNote({ turn }: GetTurnResponse): MessageInitShape<typeof GetTurnResponseSchema> {
  return { turn: { ...turn, noteJson: "" } as Turn };
}

function takesOneRequest({ methodKind }: DescMethod): boolean {
  return methodKind === "unary" || methodKind === "server_streaming";
}

function readingOf(method: DescMethod, { principal, requestId, address }: CallContext): Reading {
  const caller = callerFrom(principal);
  return { caller, origin: { requestId, address }, method: `${method.parent.name}/${method.name}` };
}

function keyOf({ caller, method }: Reading, id: string): string {
  return `${caller.tenantId} ${caller.name} ${method} ${id}`;
}

function tenantOf({ principal }: CallContext): string {
  return callerFrom(principal).tenantId;
}

/**
 * Whoever calls, with the eyes of a member. Throws for an API key that acts for nobody: it takes part nowhere. Of files
 * it has those that it uploaded, until a message names them.
 */
function asMember(method: DescMethod, principal: Principal): Principal {
  if (principal.kind === "member") return { ...principal, role: "member" };
  if (principal.kind === "key" && principal.memberId !== undefined) return { ...principal, memberRole: "member" };
  if (principal.kind === "key" && method.parent === FileService) return { ...principal, seesNoConversation: true };
  throw accessRefused(ErrorReason.PERMISSION_DENIED, "the tenant lets only those read who take part");
}

// Subscribe: the log of one conversation, or of all that the caller may see, as it grows.
import { create } from "@bufbuild/protobuf";
import {
  type SubscribeRequest,
  type SubscribeResponse,
  SubscribeResponseSchema,
} from "../../../gen/colloquy/v1/event_service_pb.ts";
import { DomainError, ErrorReason, invalidField, notFound } from "../../domain/errors.ts";
import { type Caller, callerFrom } from "../../domain/identity/caller.ts";
import type { Principal } from "../../domain/identity/principal.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { createFeedTails, type FeedTails } from "../../live/followers/feed-tail.ts";
import { type FeedEntry, followFeed, MAX_SEQ } from "../../live/followers/follow-feed.ts";
import { followLog } from "../../live/followers/follow-log.ts";
import { createLogTails, type LogTails } from "../../live/followers/log-tail.ts";
import { Rights } from "../../live/followers/rights.ts";
import type { Hints } from "../../live/hints/hints.ts";
import { FeedPresence } from "../../live/presence/feed-presence.ts";
import type { Presence } from "../../live/presence/presence.ts";
import type { MemberPresence } from "../../live/presence/state.ts";
import type { DraftNotices } from "../../live/signals/draft-notices.ts";
import { FeedSignals } from "../../live/signals/feed-signals.ts";
import type { KeptSignal } from "../../live/signals/signal.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { HEARTBEAT_MS } from "../../pipeline/streams/heartbeat.ts";
import { mapped, type PushSink, type PushStream, pushAll, pushed } from "../../pipeline/streams/push-stream.ts";
import type { Database } from "../../store/database.ts";
import { type LogEntry, logEnds, readLog } from "../../store/messages/messages.ts";
import { toEvent } from "./convert.ts";
import { formatCursor, parseCursor } from "./cursor.ts";
import { followDrafts } from "./draft-answers.ts";
import { heartbeat, presenceResponse, responseOf, responsesOf } from "./entry-responses.ts";
import { SignalResponses, SpareRoom } from "./signal-responses.ts";
import { Thread } from "./thread.ts";

export interface Subscriptions {
  readonly database: Database;
  readonly tails: LogTails;
  readonly rights: Rights;
  readonly feeds: FeedTails;
  readonly feedSignals: FeedSignals;
  readonly signalResponses: SignalResponses;
  readonly drafts: DraftNotices;
  readonly feedPresence: FeedPresence;
  readonly presence: Presence | undefined;
  readonly renew: (context: CallContext) => Promise<Principal> | Principal;
  readonly draining: AbortSignal;
  readonly heartbeatMs: number;
}

export interface SubscriptionsOptions {
  readonly database: Database;
  readonly hints: Hints;
  /** Says again who calls, or throws as authentication does. Default: whoever it was when the call began. */
  readonly renew?: Subscriptions["renew"];
  /** Told of members that subscribe. Default: nobody is. */
  readonly presence?: Presence;
  /** Aborts when the server begins to shut down. Default: never. */
  readonly draining?: AbortSignal;
  /** A stream that was silent so long gives a heartbeat, in milliseconds. Default: 15,000. */
  readonly heartbeatMs?: number | undefined;
}

export function createSubscriptions(options: SubscriptionsOptions): Subscriptions {
  const { database, hints, renew, draining, heartbeatMs = HEARTBEAT_MS } = options;
  const rights = new Rights(database);
  return {
    database,
    tails: createLogTails(database, hints),
    rights,
    feeds: createFeedTails(database, hints),
    feedSignals: new FeedSignals(database, rights, hints.signals.board),
    signalResponses: new SignalResponses(),
    drafts: hints.signals.drafts,
    feedPresence: new FeedPresence(database, hints.signals.presence),
    presence: options.presence,
    renew: renew ?? (({ principal }) => principal),
    draining: draining ?? new AbortController().signal,
    heartbeatMs,
  };
}

type Sink = PushSink<SubscribeResponse>;

export function subscribe(
  parts: Subscriptions,
  request: SubscribeRequest,
  context: CallContext,
): PushStream<SubscribeResponse> {
  return pushed(async (sink) => {
    const signal = AbortSignal.any([context.signal, parts.draining, sink.signal]);
    const { tenantId, memberId } = callerFrom(context.principal);
    const isHere = memberId !== null && !request.background;
    const leave = isHere ? parts.presence?.enter(tenantId, memberId) : undefined;
    try {
      if (request.conversationId !== "") await subscribeToOne(parts, request, context, signal, sink);
      else await subscribeToAll(parts, request, context, signal, sink);
    } catch (error) {
      if (!parts.draining.aborted || error instanceof DomainError) throw error;
      throw new DomainError(ErrorReason.SHUTTING_DOWN, "the server is shutting down; reconnect with the cursor");
    } finally {
      leave?.();
    }
  });
}

async function subscribeToOne(
  parts: Subscriptions,
  { conversationId, afterSeq, cursor, threadMessageId, includeSignals, ...request }: SubscribeRequest,
  context: CallContext,
  signal: AbortSignal,
  sink: Sink,
): Promise<void> {
  if (cursor.includes("."))
    throw invalidField("cursor", "must be a cursor of one conversation, not of all", "cursor.kind");
  if (request.includeDrafts) throw notForOne("include_drafts");
  if (request.includePresence) throw notForOne("include_presence");
  const id = conversationId.toLowerCase();
  const caller = callerFrom(context.principal);
  let after = cursor === "" ? afterSeq : BigInt(cursor);
  if (after > MAX_SEQ) throw invalidField("cursor", "is not a cursor of this tenant", "cursor.unknown");
  // Only the number is needed: the entry would be held as long as the stream is open.
  const look = () => readLog(parts.database, caller, id, after, 1, { signal }).then((entries) => entries?.length);
  const seen = isOurId(id) ? await look() : undefined;
  if (seen === undefined) throw notFound("conversation");
  if (seen === 0) {
    // Of a log that another backup holds, or of none: whoever waited for it would miss what comes before.
    const end = (await logEnds(parts.database, caller.tenantId, [id])).get(id) ?? 0n;
    if (after > end) throw pastEnd(cursor, end);
    context.flushHeaders();
  }
  const renew = renewing(parts, context);
  const thread = threadMessageId === "" ? undefined : new Thread(threadMessageId, parts.heartbeatMs);
  const entries = mapped<LogEntry | undefined, SubscribeResponse>(sink, (some) => {
    const last = some.at(-1);
    // Nothing came for a while.
    if (last === undefined) return [heartbeat(String(after))];
    after = last.seq;
    if (thread === undefined) return responsesOf(some as readonly LogEntry[], id);
    const concerned = thread.of(some as readonly LogEntry[]);
    if (concerned.length === 0 && thread.isQuiet()) return [heartbeat(String(after))];
    return concerned.map((entry) => responseOf(entry, id));
  });
  const take = (some: readonly KeptSignal[]) => {
    const concerned = parts.signalResponses.of(some, threadMessageId.toLowerCase());
    return concerned.length === 0 || sink.put(concerned);
  };
  const signals = includeSignals ? { take } : undefined;
  await followLog(parts, renew, id, after, parts.heartbeatMs, signal, signals).pushTo(entries);
  throw notFound("conversation");
}

function notForOne(field: string): Error {
  return invalidField(field, "must be false if conversation_id is set", field);
}

function pastEnd(cursor: string, end: bigint): Error {
  return cursor === ""
    ? invalidField("after_seq", `must be at most the conversation's last seq, ${end}`, "after_seq.past_end")
    : invalidField("cursor", "is not a cursor of this tenant; begin again without it", "cursor.unknown");
}

async function subscribeToAll(
  parts: Subscriptions,
  request: SubscribeRequest,
  context: CallContext,
  signal: AbortSignal,
  sink: Sink,
): Promise<void> {
  const { includeSignals, includeDrafts, includePresence } = request;
  if (!includeSignals && !includeDrafts && !includePresence)
    return pushAll(entriesOfAll(parts, request, renewing(parts, context), signal), sink);
  const spare = new SpareRoom(sink);
  const renew = renewing(parts, context);
  let caller = callerFrom(context.principal);
  const renewed = async () => {
    caller = await renew();
    return caller;
  };
  const now = () => caller;
  const take = (some: readonly KeptSignal[]) => void spare.offer(parts.signalResponses.of(some, ""));
  const tell = (some: readonly MemberPresence[]) => void spare.offer(some.map(presenceResponse));
  const follower = includePresence
    ? parts.feedPresence.follow(caller.tenantId, { caller: now, take: tell })
    : undefined;
  const ends = [
    includeSignals ? parts.feedSignals.follow(caller.tenantId, { caller: now, take }) : () => {},
    follower?.end ?? (() => {}),
    includeDrafts ? followDrafts(parts.database, parts.drafts, now, spare) : () => {},
  ];
  try {
    await follower?.begun;
    await pushAll(entriesOfAll(parts, request, renewed, signal), spare);
  } finally {
    for (const end of ends) end();
  }
}

async function* entriesOfAll(
  parts: Subscriptions,
  { afterSeq, cursor, threadMessageId }: SubscribeRequest,
  renew: () => Promise<Caller>,
  signal: AbortSignal,
): AsyncIterable<SubscribeResponse> {
  if (threadMessageId !== "") {
    throw invalidField("thread_message_id", "must be empty unless conversation_id is set", "thread_message_id");
  }
  if (afterSeq !== 0n) throw invalidField("after_seq", "must be 0 unless conversation_id is set", "after_seq");
  const from = cursor === "" ? undefined : parseCursor(cursor);
  for await (const step of followFeed(parts, renew, from, parts.heartbeatMs, signal)) {
    const cursor = formatCursor(step.cursor);
    yield subscribeResponse(step.item, cursor);
  }
}

/** A step of the feed as a response. */
export function subscribeResponse(item: FeedEntry | undefined, cursor: string): SubscribeResponse {
  if (item === undefined) return heartbeat(cursor);
  return create(SubscribeResponseSchema, { event: toEvent(item.entry, item.conversationId), cursor });
}

function renewing({ renew }: Subscriptions, context: CallContext): () => Promise<Caller> {
  return async () => callerFrom(await renew(context));
}

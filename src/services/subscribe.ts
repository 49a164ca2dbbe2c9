// Subscribe: the log of one conversation, or of all that the caller may see, as it grows.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type SubscribeRequest,
  type SubscribeResponse,
  SubscribeResponseSchema,
} from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { type Caller, callerFrom } from "../domain/caller.ts";
import { DomainError, ErrorReason, invalidField, notFound } from "../domain/errors.ts";
import { isOurId } from "../domain/id.ts";
import type { Principal } from "../domain/principal.ts";
import { createFeedTails, type FeedTails } from "../live/feed-tail.ts";
import { type FeedCursor, followFeed, MAX_SEQ } from "../live/follow-feed.ts";
import { followLog } from "../live/follow-log.ts";
import type { Hints } from "../live/hints.ts";
import { createLogTails, type LogTails } from "../live/log-tail.ts";
import type { CallContext } from "../rpc/call.ts";
import type { Database } from "../store/database.ts";
import { type LogEntry, readLog } from "../store/messages.ts";
import { toEvent } from "./convert-event.ts";

/** A stream that was silent so long gives a sign of life, in milliseconds. */
const QUIET_MS = 15_000;

export interface Subscriptions {
  readonly database: Database;
  readonly tails: LogTails;
  readonly feeds: FeedTails;
  readonly renew: (context: CallContext) => Promise<Principal> | Principal;
  readonly draining: AbortSignal;
}

export interface SubscriptionsOptions {
  readonly database: Database;
  readonly hints: Hints;
  /** Says again who calls, or throws as authentication does. Default: whoever it was when the call began. */
  readonly renew?: Subscriptions["renew"];
  /** Aborts when the server begins to shut down. Default: never. */
  readonly draining?: AbortSignal;
}

export function createSubscriptions({ database, hints, renew, draining }: SubscriptionsOptions): Subscriptions {
  return {
    database,
    tails: createLogTails(database, hints),
    feeds: createFeedTails(database, hints),
    renew: renew ?? (({ principal }) => principal),
    draining: draining ?? new AbortController().signal,
  };
}

type Response = MessageInitShape<typeof SubscribeResponseSchema>;

export async function* subscribe(
  parts: Subscriptions,
  request: SubscribeRequest,
  context: CallContext,
): AsyncIterable<Response> {
  const signal = AbortSignal.any([context.signal, parts.draining]);
  try {
    if (request.conversationId === "") yield* subscribeToAll(parts, request, context, signal);
    else yield* subscribeToOne(parts, request, context, signal);
  } catch (error) {
    if (!parts.draining.aborted || error instanceof DomainError) throw error;
    throw new DomainError(ErrorReason.SHUTTING_DOWN, "the server is shutting down; go on with another");
  }
}

async function* subscribeToOne(
  parts: Subscriptions,
  { conversationId, afterSeq, cursor }: SubscribeRequest,
  context: CallContext,
  signal: AbortSignal,
): AsyncIterable<Response> {
  if (cursor.includes(".")) throw invalidField("cursor", "is of all conversations, not of one", "cursor.kind");
  const id = conversationId.toLowerCase();
  const caller = callerFrom(context.principal);
  let after = cursor === "" ? afterSeq : BigInt(cursor);
  if (after > MAX_SEQ) throw invalidField("cursor", "was not given out here", "cursor.unknown");
  const seen = isOurId(id) ? await readLog(parts.database, caller, id, after, 1, { signal }) : undefined;
  if (seen === undefined) throw notFound("conversation");
  if (seen.length === 0) context.flushHeaders();
  const renew = renewing(parts, context);
  for await (const entry of followLog(parts, renew, id, after, QUIET_MS, signal)) {
    if (entry) after = entry.seq;
    yield entry ? answerOf(entry, id) : { cursor: String(after) };
  }
  throw notFound("conversation");
}

async function* subscribeToAll(
  parts: Subscriptions,
  { afterSeq, cursor }: SubscribeRequest,
  context: CallContext,
  signal: AbortSignal,
): AsyncIterable<Response> {
  if (afterSeq !== 0n) throw invalidField("after_seq", "is a place in one conversation; name it", "after_seq");
  const from = cursor === "" ? undefined : parseCursor(cursor);
  for await (const step of followFeed(parts, renewing(parts, context), from, QUIET_MS, signal)) {
    const cursor = formatCursor(step.cursor);
    yield step.item ? { event: toEvent(step.item.entry, step.item.conversationId), cursor } : { cursor };
  }
}

function renewing({ renew }: Subscriptions, context: CallContext): () => Promise<Caller> {
  return async () => callerFrom(await renew(context));
}

function parseCursor(text: string): FeedCursor {
  const [position = "", seq] = text.split(".");
  return { position: BigInt(position), seq: seq === undefined ? MAX_SEQ : BigInt(seq) };
}

function formatCursor({ position, seq }: FeedCursor): string {
  return seq === MAX_SEQ ? String(position) : `${position}.${seq}`;
}

/** Those who follow one log share its entries, and so the answers made of them. */
const answers = new WeakMap<LogEntry, SubscribeResponse>();

function answerOf(entry: LogEntry, conversationId: string): SubscribeResponse {
  const known = answers.get(entry);
  if (known) return known;
  const answer = create(SubscribeResponseSchema, {
    event: toEvent(entry, conversationId),
    cursor: String(entry.seq),
  });
  answers.set(entry, answer);
  return answer;
}

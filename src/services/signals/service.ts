// SignalService: tells followers of a conversation what somebody is doing in it right now.
import * as pb from "../../../gen/colloquy/v1/signal_service_pb.ts";
import { DomainError, ErrorReason, invalidField, notFound } from "../../domain/errors.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { SIGNAL_EVERY_MS } from "../../live/signals/signal.ts";
import type { Signals } from "../../live/signals/signals.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import type { Database } from "../../store/database.ts";
import { readSignalPlace } from "../../store/signals/signals.ts";
import { requireOpen } from "../conversations/access.ts";
import { toSignal } from "../events/signal-responses.ts";

export interface SignalServiceOptions {
  readonly database: Database;
  readonly signals: Signals;
}

const MAX_DATA = 1024;

export function createSignalService({ database, signals }: SignalServiceOptions): ServiceEntry {
  return serve(pb.SignalService, {
    async sendSignal({ conversationId, name, threadMessageId, data = null, ended }, { principal, interrupt }) {
      const caller = callerFrom(principal);
      if (data !== null && Buffer.byteLength(JSON.stringify(data)) > MAX_DATA) {
        throw invalidField("data", `must be at most ${MAX_DATA} bytes as JSON`, "data.max_bytes");
      }
      const threadId = threadMessageId.toLowerCase();
      if (threadId !== "" && !isOurId(threadId)) throw unknownThread();
      const place = isOurId(conversationId)
        ? await readSignalPlace(database, caller, conversationId, threadId || null, interrupt)
        : undefined;
      if (place === undefined) throw notFound("conversation");
      if (!place.writable) {
        throw new DomainError(
          ErrorReason.PERMISSION_DENIED,
          "only those who take part in the conversation may do this",
        );
      }
      requireOpen(place.status);
      if (!place.known) throw unknownThread();
      const signal = {
        tenantId: caller.tenantId,
        conversationId: conversationId.toLowerCase(),
        seq: place.last_seq,
        actor: caller.actor,
        name,
        threadId,
        data,
        ended,
        time: Date.now(),
      };
      // What is over needs not be told that it is.
      if (!ended) requireAdmitted(signals, signal);
      if (!ended || signals.board.holds(signal)) signals.send(signal);
      return { signal: toSignal(signal) };
    },
  });
}

function requireAdmitted({ board }: Signals, signal: Parameters<Signals["send"]>[0]): void {
  const { allowed, retryAfterMs } = board.admit(signal);
  if (allowed) return;
  throw new DomainError(
    ErrorReason.RATE_LIMITED,
    `Each member may send 1 signal each ${SIGNAL_EVERY_MS / 1000} s in a conversation.`,
    { retryAfterMs: Math.max(1, Math.ceil(retryAfterMs)), metadata: { policy: "signals" } },
  );
}

function unknownThread(): DomainError {
  const description = "is not a message of the conversation";
  return new DomainError(ErrorReason.UNKNOWN_REFERENCE, `thread_message_id: ${description}`, {
    violations: [{ field: "thread_message_id", description, rule: "reference" }],
  });
}

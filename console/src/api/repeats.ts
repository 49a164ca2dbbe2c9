// Calls that are tried again after a lost response: the server may have done the first one, and must not do it twice. The
// same request gets the same request id, until its response has come.
import { clone, type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";
import type { Interceptor, UnaryRequest } from "@connectrpc/connect";

/** So long after it has failed, the same request is another one, in milliseconds. */
const KEPT_MS = 10 * 60 * 1000;
/** Of failed requests, kept to be known again; the last one always is. In characters, which are bytes of the requests. */
const KEPT_SIZE = 4_000_000;

interface Failed {
  readonly service: string;
  readonly requestId: string;
  readonly time: number;
}

/** @param now the time, in milliseconds */
export function createRepeats(now: () => number = Date.now): Interceptor {
  const failed = new Map<string, Failed>();
  return (next) => async (request) => {
    if (request.stream || !takesId(request)) return next(request);
    const { method, message } = request;
    const service = method.parent.typeName;
    const before = failed.size > 0 ? failed.get(keyOf(request)) : undefined;
    const isRepeat = before !== undefined && now() - before.time < KEPT_MS;
    const requestId = isRepeat ? before.requestId : crypto.randomUUID();
    try {
      const response = await next({ ...request, message: withId(method.input, message, requestId) });
      // What has changed since gives the same request another meaning: a message is deleted, restored and deleted again.
      for (const [other, attempt] of failed) if (attempt.service === service) failed.delete(other);
      return response;
    } catch (error) {
      const key = keyOf(request);
      failed.delete(key);
      let size = key.length;
      // The latest first.
      for (const [other, { time }] of [...failed].reverse()) {
        size += other.length;
        if (size > KEPT_SIZE || now() - time >= KEPT_MS) failed.delete(other);
      }
      failed.set(key, { service, requestId, time: now() });
      throw error;
    }
  };
}

/** What makes two requests the same: a character for each byte. */
function keyOf({ method, message }: UnaryRequest): string {
  const bytes = new TextDecoder("windows-1252").decode(toBinary(method.input, message));
  return `${method.parent.typeName}/${method.name} ${bytes}`;
}

/**
 * Calls that may be repeated as they are need none, but those with an etag do: the change that the first one made would
 * be a conflict.
 */
function takesId({ method, message }: UnaryRequest): boolean {
  const fields = message as unknown as Readonly<Record<string, unknown>>;
  if (fields.requestId !== "" || method.idempotency === Level.NO_SIDE_EFFECTS) return false;
  return method.idempotency !== Level.IDEMPOTENT || (typeof fields.etag === "string" && fields.etag !== "");
}

function withId(schema: DescMessage, message: Message, requestId: string): Message {
  return Object.assign(clone(schema, message), { requestId });
}

// Responses of one conversation, and items that are added to it, wait for each other, in their order at this server.
import { DomainError, ErrorReason } from "../../../domain/errors.ts";

/** The most that wait in one conversation at one server. */
const MAX_WAITING = 16;
const RETRY_AFTER_MS = 1_000;

interface Place {
  /** Resolves when the one before has begun. */
  readonly before: Promise<void>;
  leave(): void;
}

export class ConversationLines {
  readonly #lines = new Map<string, { last: Promise<void>; count: number }>();

  /** Whether somebody waits, or is about to begin. */
  isWaiting(key: string): boolean {
    return this.#lines.has(key);
  }

  /** Throws TURN_IN_PROGRESS where too many wait already. */
  enter(key: string): Place {
    const line = this.#lines.get(key) ?? { last: Promise.resolve(), count: 0 };
    if (line.count > MAX_WAITING) throw tooMany();
    this.#lines.set(key, line);
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = line.last;
    line.last = before.then(() => promise);
    line.count++;
    return {
      before,
      leave: () => {
        resolve();
        if (--line.count === 0) this.#lines.delete(key);
      },
    };
  }
}

function tooMany(): DomainError {
  const description = `at most ${MAX_WAITING} calls may wait for their turn`;
  return new DomainError(ErrorReason.TURN_IN_PROGRESS, description, {
    violations: [{ field: "conversation", description, rule: "conversation.locked" }],
    retryAfterMs: RETRY_AFTER_MS,
  });
}

// Tells of life on a line whose comments a package swallows.
import { HEARTBEAT, type ReplyPiece } from "../../../domain/turns/reply-piece.ts";

const EVERY_MS = 1_000;

/** The pieces; a heartbeat between two of them where something was heard meanwhile. */
export async function* withHeartbeats(
  pieces: AsyncGenerator<ReplyPiece>,
  isAlive: () => boolean,
): AsyncGenerator<ReplyPiece> {
  let next = pieces.next();
  try {
    for (;;) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), EVERY_MS);
      });
      const step = await Promise.race([next, late]).finally(() => clearTimeout(timer));
      if (step === undefined) {
        if (isAlive()) yield HEARTBEAT;
        continue;
      }
      if (step.done) return;
      yield step.value;
      next = pieces.next();
    }
  } finally {
    next.catch(() => {});
    void pieces.return(undefined).catch(() => {});
  }
}

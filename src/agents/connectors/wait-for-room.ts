// Waits until a call of an agent has room for its files.
import { HEARTBEAT, type ReplyPiece } from "../../domain/turns/reply-piece.ts";
import type { HeldBytes, Hold } from "../held-bytes.ts";
import { withTimeout } from "../with-timeout.ts";
import { AgentFailure } from "./connector.ts";

/** Well below the idle timeouts that agents have. */
const HEARTBEAT_MS = 500;

/**
 * Meanwhile there are heartbeats: that the server is busy is no silence of the agent. Throws {@link AgentFailure} if too
 * many wait.
 */
export async function* waitForRoom(
  room: HeldBytes,
  tenantId: string,
  bytes: number,
  signal: AbortSignal,
): AsyncGenerator<ReplyPiece, Hold> {
  const leaving = new AbortController();
  const taken = room.take(tenantId, bytes, AbortSignal.any([signal, leaving.signal])).then((hold) => ({ hold }));
  let given: Hold | undefined;
  try {
    for (;;) {
      const got = await withTimeout(taken, HEARTBEAT_MS, signal);
      if (got !== undefined) {
        given = got.hold;
        break;
      }
      yield HEARTBEAT;
    }
  } finally {
    leaving.abort();
    // It may have come while nobody asked for it any more.
    if (given === undefined) taken.then(({ hold }) => hold?.leave()).catch(() => {});
  }
  if (given !== undefined) return given;
  throw new AgentFailure("the files of too many turns wait for room; retry in a moment", { health: "unknown" });
}

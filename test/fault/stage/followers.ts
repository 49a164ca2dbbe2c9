// Subscribers that follow conversations over whatever breaks, and must hear every entry once, in order.
import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "../../../src/client/index.ts";
import type { Stored } from "../history/stored.ts";

/** How long a follower may take to hear of what was written before its line was whole again, in milliseconds. */
const CATCH_UP_MS = 30_000;

/** One follower for each conversation, by the published client. */
export function startFollowers(
  url: string,
  headers: Readonly<Record<string, string>>,
  conversationIds: readonly string[],
) {
  const apiKey = (headers.authorization ?? "").replace("Bearer ", "");
  const client = createClient({ baseUrl: url, apiKey });
  const stop = new AbortController();
  const heard = new Map(conversationIds.map((id) => [id, [] as bigint[]]));
  const failures: string[] = [];
  let interruptions = 0;
  const following = [...heard].map(async ([conversationId, seqs]) => {
    const options = {
      conversationId,
      signal: stop.signal,
      backoff: { initialMs: 20, maxMs: 500 },
      onInterruption: () => interruptions++,
    };
    try {
      for await (const { event } of client.subscribe(options)) seqs.push(event.seq);
    } catch (error) {
      if (!stop.signal.aborted) failures.push(`a subscription ended with ${error}`);
    }
  });
  return {
    get heard() {
      return [...heard.values()].reduce((sum, seqs) => sum + seqs.length, 0);
    },
    get interruptions() {
      return interruptions;
    },
    /** Waits until all is heard; says what was not, or was twice. */
    async finish({ logs }: Stored): Promise<string[]> {
      const lastOf = new Map(logs.map(({ conversationId, lastSeq }) => [conversationId, lastSeq]));
      const giveUpAt = performance.now() + CATCH_UP_MS;
      const behind = () => [...heard].filter(([id, seqs]) => (seqs.at(-1) ?? 0n) < (lastOf.get(id) ?? 0n));
      while (behind().length > 0 && performance.now() < giveUpAt && failures.length === 0) await delay(20);
      const late = behind().map(([id, seqs]) => `a subscriber of ${id} heard ${seqs.at(-1)} of ${lastOf.get(id)}`);
      stop.abort();
      await Promise.all(following);
      const wrong = [...heard].flatMap(([id, seqs]) => {
        const at = seqs.findIndex((seq, index) => seq !== BigInt(index + 1));
        return at < 0 ? [] : [`a subscriber of ${id} heard ${seqs[at]} where ${at + 1} should be`];
      });
      return [...failures, ...late, ...wrong];
    },
  };
}

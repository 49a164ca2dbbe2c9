// Callers that have no time: each call has a deadline of a few milliseconds, or is given up in the middle.
import { failureOf } from "./outcome.ts";
import type { Random } from "./random.ts";
import { clientsOver, WIRES } from "./wires.ts";

export function startHurried(url: string, headers: Readonly<Record<string, string>>, random: Random, count: number) {
  const answers = new Map<string, number>();
  const stop = new AbortController();
  let calls = 0;
  const hurry = async (chance: Random) => {
    while (!stop.signal.aborted) {
      const { conversations } = clientsOver(chance.pick(WIRES), url, headers);
      for (let i = 0; i < 20 && !stop.signal.aborted; i++) {
        calls++;
        const signal = AbortSignal.timeout(chance.between(1, 150));
        const options = chance.chance(0.5) ? { timeoutMs: chance.between(1, 150) } : { signal };
        const asked = chance.pick([
          () => conversations.listConversations({ pageSize: 50 }, options),
          () => conversations.createConversation({ messages: [{ content: "in a hurry" }] }, options),
        ]);
        const why = await asked().then(
          () => "ok",
          (error) => failureOf(error).why,
        );
        answers.set(why, (answers.get(why) ?? 0) + 1);
      }
    }
  };
  const hurrying = Array.from({ length: count }, () => hurry(random.fork()));
  return {
    answers: answers as ReadonlyMap<string, number>,
    get calls() {
      return calls;
    },
    async stop() {
      stop.abort();
      await Promise.all(hurrying);
    },
  };
}

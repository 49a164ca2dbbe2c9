// The history checker: compares what clients were told with what the store holds.
import type { History, Read, Write } from "./history.ts";
import type { Stored, StoredClaim, StoredLog } from "./stored.ts";

/** Each kind of finding, and what it means. */
export const FAULTS = {
  lost: "an acknowledged text is not in the store",
  moved: "an acknowledged text has another place or id than its writer was told",
  doubled: "a text is in the store more than once",
  torn: "of texts that were sent together only some are there, or others stand between them",
  refused: "a text whose writer was told that nothing happened is in the store",
  gap: "the log lacks a number, has one twice, or ends elsewhere than it says",
  miscounted: "the conversation counts other messages than there are",
  disordered: "a write that began after another had ended stands before it",
  stranger: "the store holds a text that nobody sent",
  unseen: "a read missed what was acknowledged before it began",
  retracted: "a read showed what the store does not hold",
  hollow: "a request id is taken, but its effect is not there",
} as const;

export type Fault = keyof typeof FAULTS;

export interface Finding {
  readonly fault: Fault;
  readonly conversationId: string;
  readonly what: string;
}

/** How many findings there are of each kind. */
export function tally(findings: readonly Finding[]): Record<Fault, number> {
  const counts = Object.fromEntries(Object.keys(FAULTS).map((fault) => [fault, 0])) as Record<Fault, number>;
  for (const { fault } of findings) counts[fault]++;
  return counts;
}

/** Compares a finished run with the store. The store must hold nothing else in these conversations. */
export function check(history: Pick<History, "all" | "reads">, stored: Stored): Finding[] {
  const writes = Map.groupBy(history.all(), ({ conversationId }) => conversationId);
  const reads = Map.groupBy(history.reads, ({ conversationId }) => conversationId);
  const logs = new Map(stored.logs.map((log) => [log.conversationId, log]));
  const findings = stored.claims.filter(isHollow).map(({ key }) => finding("hollow", "", `request id ${key}`));
  for (const conversationId of new Set([...writes.keys(), ...reads.keys(), ...logs.keys()])) {
    const log = logs.get(conversationId) ?? nothing(conversationId);
    const ofLog = new LogCheck(log, writes.get(conversationId) ?? []);
    findings.push(...ofLog.run(reads.get(conversationId) ?? []));
  }
  return findings;
}

function isHollow({ messages, found, answered }: StoredClaim): boolean {
  return messages > 0 ? found < messages : !answered;
}

function nothing(conversationId: string): StoredLog {
  return { conversationId, lastSeq: 0n, messageCount: 0n, messages: [], eventSeqs: [] };
}

function bySize(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function finding(fault: Fault, conversationId: string, what: string): Finding {
  return { fault, conversationId, what };
}

/** The check of one conversation. */
class LogCheck {
  readonly #log: StoredLog;
  readonly #writes: readonly Write[];
  readonly #byText: ReadonlyMap<string, StoredLog["messages"]>;
  readonly #findings: Finding[] = [];

  constructor(log: StoredLog, writes: readonly Write[]) {
    this.#log = { ...log, messages: log.messages.toSorted((a, b) => bySize(a.seq, b.seq)) };
    this.#writes = writes;
    this.#byText = Map.groupBy(log.messages, ({ text }) => text);
  }

  run(reads: readonly Read[]): readonly Finding[] {
    for (const write of this.#writes) this.#checkWrite(write);
    this.#checkStrangers();
    this.#checkNumbers();
    this.#checkOrder();
    for (const read of reads) this.#checkRead(read);
    return this.#findings;
  }

  #report(fault: Fault, what: string): void {
    this.#findings.push(finding(fault, this.#log.conversationId, what));
  }

  #checkWrite({ texts, outcome }: Write): void {
    const seqs: bigint[] = [];
    texts.forEach((text, index) => {
      const found = this.#byText.get(text) ?? [];
      const [first] = found;
      if (first !== undefined) seqs.push(first.seq);
      if (found.length > 1) this.#report("doubled", `${text} at ${found.map(({ seq }) => seq).join(", ")}`);
      if (outcome.kind === "failed" && first !== undefined) this.#report("refused", `${text}: ${outcome.why}`);
      if (outcome.kind !== "acknowledged") return;
      const told = outcome.places[index];
      if (first === undefined) this.#report("lost", `${text}, acknowledged at ${told?.seq}`);
      else if (!found.some(({ seq, id }) => seq === told?.seq && id === told.id)) {
        this.#report("moved", `${text} stands at ${first.seq}, acknowledged at ${told?.seq}`);
      }
    });
    const together = seqs.every((seq, index) => index === 0 || seq === (seqs[index - 1] ?? 0n) + 1n);
    if (seqs.length > 0 && (seqs.length < texts.length || !together)) {
      this.#report("torn", `${texts[0]} and ${texts.length - 1} more stand at ${seqs.join(", ")}`);
    }
  }

  #checkStrangers(): void {
    const sent = new Set(this.#writes.flatMap(({ texts }) => texts));
    for (const { text, seq } of this.#log.messages) {
      if (!sent.has(text)) this.#report("stranger", `${text} at ${seq}`);
    }
  }

  #checkNumbers(): void {
    const { messages, eventSeqs, lastSeq, messageCount } = this.#log;
    const seqs = [...messages.map(({ seq }) => seq), ...eventSeqs].sort(bySize);
    let expected = 1n;
    for (const seq of seqs) {
      if (seq !== expected) this.#report("gap", `${seq} where ${expected} should be`);
      expected = seq + 1n;
    }
    if (lastSeq !== expected - 1n) this.#report("gap", `it ends at ${expected - 1n} and says ${lastSeq}`);
    const shown = messages.filter(({ deleted }) => !deleted).length;
    if (messageCount !== BigInt(shown)) this.#report("miscounted", `${shown} messages, counted as ${messageCount}`);
  }

  /** From the end of the log on: nothing may stand behind a write that ended before it was invoked. */
  #checkOrder(): void {
    const writeOf = new Map(this.#writes.flatMap((write) => write.texts.map((text) => [text, write] as const)));
    let earliest: Write | undefined;
    for (const { text, seq } of this.#log.messages.toReversed()) {
      const write = writeOf.get(text);
      if (write === undefined) continue;
      if (earliest !== undefined && earliest.ended < write.invoked) {
        this.#report("disordered", `${text} at ${seq} was invoked after ${earliest.texts[0]}, behind it, had ended`);
      }
      // A write of unknown outcome may take effect long after its writer stopped waiting.
      if (write.outcome.kind !== "acknowledged") continue;
      if (earliest === undefined || write.ended < earliest.ended) earliest = write;
    }
  }

  #checkRead({ shown, afterSeq, invoked }: Read): void {
    const at = new Map(this.#log.messages.map(({ seq, text }) => [seq, text]));
    for (const { seq, text } of shown) {
      if (at.get(seq) !== text) this.#report("retracted", `${text} was shown at ${seq}, where ${at.get(seq)} stands`);
    }
    const seen = new Set(shown.map(({ seq }) => seq));
    const end = shown.at(-1)?.seq ?? afterSeq;
    for (const { outcome, ended, texts } of this.#writes) {
      if (outcome.kind !== "acknowledged" || ended > invoked) continue;
      for (const { seq } of outcome.places) {
        // A page may end before the log does; before its end, and where it is empty, nothing may be missing.
        if (seq > afterSeq && !seen.has(seq) && (seq < end || shown.length === 0)) {
          this.#report("unseen", `${texts[0]} at ${seq} was acknowledged before a read that passed it by`);
        }
      }
    }
  }
}

// Concurrent batches of an import, whose outcomes are reported in the order of the lines.
import type { BatchOutcome } from "./batch.ts";
import type { ReadLine } from "./line.ts";

interface UnderWay {
  readonly conversations: ReadonlySet<string>;
  /** Fulfilled when it has ended, well or not. */
  readonly ended: Promise<void>;
}

/** Adds batches side by side, unless they share a conversation: a log grows in the order of its lines. */
export class BatchQueue {
  readonly #lanes: number;
  readonly #add: (lines: readonly ReadLine[]) => Promise<BatchOutcome>;
  readonly #tell: (outcome: BatchOutcome, lines: readonly ReadLine[]) => void;
  readonly #underWay = new Set<UnderWay>();
  /** Rejects when a batch has failed. */
  #told: Promise<void> = Promise.resolve();
  #failed = false;

  /** At most `lanes` batches are under way; `tell` gets the outcome of each, in the order in which they came. */
  constructor(
    lanes: number,
    add: (lines: readonly ReadLine[]) => Promise<BatchOutcome>,
    tell: (outcome: BatchOutcome, lines: readonly ReadLine[]) => void,
  ) {
    this.#lanes = lanes;
    this.#add = add;
    this.#tell = tell;
  }

  /** Whether a batch could begin now. */
  get free(): boolean {
    return this.#underWay.size < this.#lanes;
  }

  /** Waits until the batch can begin, not until it is added. Throws what an earlier one failed with. */
  async add(lines: readonly ReadLine[]): Promise<void> {
    const conversations = new Set(lines.flatMap((line) => conversationOf(line) ?? []));
    for (;;) {
      const before = [...this.#underWay].filter((one) => !one.conversations.isDisjointFrom(conversations));
      if (before.length > 0) await Promise.all(before.map(({ ended }) => ended));
      else if (!this.free) await Promise.race([...this.#underWay].map(({ ended }) => ended));
      else break;
    }
    if (this.#failed) return this.settled();
    this.#begin(lines, conversations);
  }

  /** Waits until all have ended, and their outcomes are told. Throws what one failed with. */
  async settled(): Promise<void> {
    await Promise.all([...this.#underWay].map(({ ended }) => ended));
    await this.#told;
  }

  #begin(lines: readonly ReadLine[], conversations: ReadonlySet<string>): void {
    const adding = this.#add(lines);
    this.#told = Promise.all([adding, this.#told]).then(([outcome]) => this.#tell(outcome, lines));
    // It is awaited later, and its failure told then.
    this.#told.catch(() => {});
    const end = (failed: boolean) => {
      this.#failed ||= failed;
      this.#underWay.delete(batch);
    };
    const ended = adding.then(
      () => end(false),
      () => end(true),
    );
    const batch = { conversations, ended };
    this.#underWay.add(batch);
  }
}

function conversationOf(line: ReadLine): string | undefined {
  if (line.kind === "bad") return undefined;
  return line.kind === "conversation" ? line.item.id : line.conversationId;
}

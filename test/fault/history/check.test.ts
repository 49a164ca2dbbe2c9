// The checker is worth what it catches: each fault is planted in a good run, and must be found.
import { describe, expect, it } from "vitest";
import { check, FAULTS, type Fault, tally } from "./check.ts";
import { History, type Outcome, type Write } from "./history.ts";
import type { Stored, StoredLog } from "./stored.ts";

const C = "conversation";

interface Run {
  writes: Write[];
  reads: History["reads"];
  messages: { seq: bigint; id: string; text: string; deleted: boolean }[];
  eventSeqs: bigint[];
  lastSeq: bigint;
  messageCount: bigint;
  claims: Stored["claims"][number][];
}

function acknowledged(...seqs: bigint[]): Outcome {
  return { kind: "acknowledged", places: seqs.map((seq) => ({ seq, id: `id-${seq}` })) };
}

function write(texts: string[], invoked: number, ended: number, outcome: Outcome): Write {
  return { conversationId: C, texts, invoked, ended, outcome };
}

/** Six messages and one event; every outcome occurs; writes overlap. */
function goodRun(): Run {
  const unknown: Outcome = { kind: "unknown", why: "cut" };
  return {
    writes: [
      write(["a"], 0, 3, acknowledged(2n)),
      write(["b"], 1, 2, acknowledged(1n)),
      write(["c", "d"], 4, 5, acknowledged(4n, 5n)),
      write(["refused"], 6, 7, { kind: "failed", why: "NOT_FOUND" }),
      write(["effect unknown"], 8, 9, unknown),
      write(["no effect, unknown"], 10, 11, unknown),
      write(["e"], 12, 13, acknowledged(7n)),
    ],
    reads: [
      {
        conversationId: C,
        afterSeq: 0n,
        invoked: 14,
        ended: 15,
        shown: [
          { seq: 1n, text: "b" },
          { seq: 2n, text: "a" },
        ],
      },
    ],
    messages: ["b", "a", undefined, "c", "d", "effect unknown", "e"].flatMap((text, index) =>
      text === undefined ? [] : { seq: BigInt(index + 1), id: `id-${index + 1}`, text, deleted: text === "b" },
    ),
    eventSeqs: [3n],
    lastSeq: 7n,
    messageCount: 5n,
    claims: [
      { key: "sent", messages: 2, found: 2, answered: false },
      { key: "changed", messages: 0, found: 0, answered: true },
    ],
  };
}

function verdict(run: Run): Fault[] {
  const log: StoredLog = { conversationId: C, ...run };
  const findings = check({ all: () => run.writes, reads: run.reads }, { logs: [log], claims: run.claims });
  return [...new Set(findings.map(({ fault }) => fault))].sort();
}

/** Takes a message away, as a store would that lost it cleanly: the rest closes up. */
function forget(run: Run, text: string): void {
  run.messages = run.messages.filter((message) => message.text !== text);
}

const planted: readonly [string, Fault[], (run: Run) => void][] = [
  ["an acknowledged write that is gone", ["gap", "lost", "miscounted"], (run) => forget(run, "e")],
  [
    "an acknowledged write that is gone from the end, with every count mended",
    ["lost"],
    (run) => {
      forget(run, "e");
      run.lastSeq = 6n;
      run.messageCount = 4n;
    },
  ],
  [
    "a write that took effect twice",
    ["doubled"],
    (run) => {
      run.messages.push({ seq: 8n, id: "id-8", text: "e", deleted: false });
      run.lastSeq = 8n;
      run.messageCount = 6n;
    },
  ],
  [
    "a write of unknown outcome that took effect twice",
    ["doubled"],
    (run) => {
      run.messages.push({ seq: 8n, id: "id-8", text: "effect unknown", deleted: false });
      run.lastSeq = 8n;
      run.messageCount = 6n;
    },
  ],
  [
    "another place than the writer was told",
    ["moved"],
    (run) => {
      run.writes[6] = write(["e"], 12, 13, acknowledged(8n));
    },
  ],
  [
    "another id than the writer was told",
    ["moved"],
    (run) => {
      for (const message of run.messages) if (message.text === "e") message.id = "another";
    },
  ],
  [
    "half of two messages that were sent together",
    ["lost", "torn"],
    (run) => {
      run.eventSeqs.push(5n);
      run.messageCount = 4n;
      forget(run, "d");
    },
  ],
  [
    "another entry between two messages that were sent together",
    ["disordered", "moved", "torn"],
    (run) => {
      const texts = ["c", "effect unknown", "d"];
      for (const [index, text] of texts.entries()) {
        const seq = BigInt(4 + index);
        run.messages = run.messages.map((m) => (m.seq === seq ? { ...m, text } : m));
      }
    },
  ],
  [
    "a write in the store that was refused",
    ["refused"],
    (run) => {
      run.messages.push({ seq: 8n, id: "id-8", text: "refused", deleted: false });
      run.lastSeq = 8n;
      run.messageCount = 6n;
    },
  ],
  [
    "a number that is left out",
    ["gap"],
    (run) => {
      run.eventSeqs = [];
    },
  ],
  ["a number that two entries have", ["gap"], (run) => run.eventSeqs.push(5n)],
  [
    "a log that says it is longer",
    ["gap"],
    (run) => {
      run.lastSeq = 9n;
    },
  ],
  [
    "a wrong count of messages",
    ["miscounted"],
    (run) => {
      run.messageCount = 6n;
    },
  ],
  [
    "a later write before one that had ended",
    ["disordered"],
    (run) => {
      // b was acknowledged before it is now said to begin; a stands behind it, and ended at 3.
      run.writes[1] = write(["b"], 14, 15, acknowledged(1n));
    },
  ],
  [
    "a write of unknown outcome before one that had ended when it began",
    ["disordered"],
    (run) => {
      run.writes[4] = write(["effect unknown"], 20, 21, { kind: "unknown", why: "cut" });
    },
  ],
  [
    "a text from nobody",
    ["stranger"],
    (run) => {
      run.messages.push({ seq: 8n, id: "id-8", text: "who?", deleted: false });
      run.lastSeq = 8n;
      run.messageCount = 6n;
    },
  ],
  [
    "a text that was changed",
    ["lost", "stranger"],
    (run) => {
      run.messages = run.messages.map((m) => (m.text === "e" ? { ...m, text: "E" } : m));
    },
  ],
  [
    "a read that skips what was acknowledged before it",
    ["unseen"],
    (run) => {
      const [read] = run.reads;
      run.reads = [{ ...(read as (typeof run.reads)[0]), shown: [{ seq: 2n, text: "a" }] }];
    },
  ],
  [
    "a read that shows nothing",
    ["unseen"],
    (run) => {
      const [read] = run.reads;
      run.reads = [{ ...(read as (typeof run.reads)[0]), shown: [] }];
    },
  ],
  [
    "a read of what is not in the store",
    ["retracted"],
    (run) => {
      const [read] = run.reads;
      run.reads = [{ ...(read as (typeof run.reads)[0]), afterSeq: 7n, shown: [{ seq: 8n, text: "gone" }] }];
    },
  ],
  [
    "a request id without its messages",
    ["hollow"],
    (run) => run.claims.push({ key: "k", messages: 2, found: 1, answered: false }),
  ],
  [
    "a request id without an answer",
    ["hollow"],
    (run) => run.claims.push({ key: "k", messages: 0, found: 0, answered: false }),
  ],
];

describe("the history checker", () => {
  it("finds nothing in a good run", () => {
    expect(verdict(goodRun())).toEqual([]);
  });

  it("finds nothing in a good run whose rows come in another order", () => {
    const run = goodRun();
    run.messages.reverse();
    expect(verdict(run)).toEqual([]);
  });

  it.each(planted)("finds %s", (_, faults, plant) => {
    const run = goodRun();
    plant(run);
    expect(verdict(run)).toEqual([...faults].sort());
  });

  it("finds every kind of fault that it knows", () => {
    expect(new Set(planted.flatMap(([, faults]) => faults))).toEqual(new Set(Object.keys(FAULTS)));
  });

  it("finds a conversation that is gone altogether", () => {
    const findings = check({ all: () => goodRun().writes, reads: [] }, { logs: [], claims: [] });
    expect(tally(findings)).toMatchObject({ lost: 5, gap: 0 });
  });
});

describe("a history", () => {
  it("orders what happened, and takes a writer that throws for one that knows nothing", async () => {
    const history = new History();
    await history.write(C, ["a"], async () => acknowledged(1n));
    await history.write(C, ["b"], () => Promise.reject(new Error("cut")));
    expect(history.writes).toEqual([
      { conversationId: C, texts: ["a"], invoked: 0, ended: 1, outcome: acknowledged(1n) },
      { conversationId: C, texts: ["b"], invoked: 2, ended: 3, outcome: { kind: "unknown", why: "Error: cut" } },
    ]);
    expect(history.count()).toEqual({ acknowledged: 1, failed: 0, unknown: 1 });
  });

  it("knows of writes that have not ended", async () => {
    const history = new History();
    void history.write(C, ["a"], () => new Promise(() => {}));
    expect(history.all()).toMatchObject([{ texts: ["a"], invoked: 0, ended: Infinity, outcome: { kind: "unknown" } }]);
  });
});

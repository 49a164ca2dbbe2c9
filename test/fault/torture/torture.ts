// Runs turns until the time is over, and gathers what they did and found.

import { type Standing, startStanding } from "../scenarios/mixed.ts";
import { addFigures, type Figures, type Verdict } from "../scenarios/scenario.ts";
import { type OwnDatabase, startOwnDatabase } from "../stage/database.ts";
import { createRandom, type Random } from "../stage/random.ts";
import type { Rest } from "../stage/rest.ts";
import { growth } from "./holding.ts";
import { PROGRAMME, type Stage, type Turn, type TurnName } from "./programme.ts";

export interface TortureOptions {
  readonly minutes: number;
  /** Gives the order of turns, and to each its inputs. */
  readonly seed: number;
  /** Nothing but these. Default: all, with `mixed` after each of the others. */
  readonly only?: readonly TurnName[];
  /** How large each turn is, from 0 to 1. Default: 1. */
  readonly share?: number;
  /** Told of each step. */
  readonly onProgress?: (progress: Progress) => void;
  /** Told of each finding as it is made. */
  readonly onFinding?: (finding: string) => void;
  /** Told after each turn how it would end now. */
  readonly onTurn?: (outcome: Outcome) => void;
}

export interface Progress {
  readonly seconds: number;
  readonly turn: string;
  readonly turns: number;
  readonly figures: Figures;
  readonly findings: number;
  readonly rest: Rest | undefined;
}

export interface TurnRecord {
  readonly name: TurnName;
  /** How many of this name there were before. */
  readonly number: number;
  readonly seconds: number;
  readonly figures: Figures;
  readonly findings: readonly string[];
}

export interface Outcome {
  readonly options: TortureOptions;
  readonly seconds: number;
  readonly turns: readonly TurnRecord[];
  readonly rests: readonly Rest[];
  /** Of all turns, and of what the standing server kept. */
  readonly findings: readonly string[];
}

/** No turn takes as long; one that does hangs. In milliseconds. */
const HANGS_MS = 300_000;

export async function torture(
  options: TortureOptions,
  programme: Readonly<Record<TurnName, Turn>> = PROGRAMME,
): Promise<Outcome> {
  const { seed, share = 1, onProgress = () => {}, onFinding = () => {}, onTurn = () => {} } = options;
  const begun = performance.now();
  const seconds = () => (performance.now() - begun) / 1_000;
  const turns: TurnRecord[] = [];
  await using stage = setStage(createRandom(seedOf(seed, "standing", 0)));
  const outcome = (): Outcome => {
    const rests = stage.rests();
    const findings = [...turns.flatMap((turn) => turn.findings), ...growth(rests)];
    return { options, seconds: seconds(), turns, rests, findings };
  };
  // What nobody waits for and nobody catches ends a process, so it is a finding.
  const strays: string[] = [];
  const note = (error: unknown) => strays.push(`nobody caught ${error instanceof Error ? error.stack : error}`);
  process.on("uncaughtException", note);
  for (const [name, number] of order(options)) {
    if (turns.length > 0 && seconds() >= options.minutes * 60) break;
    const progress = () => {
      const findings = turns.reduce((sum, turn) => sum + turn.findings.length, 0);
      const figures = addFigures(...turns.map((turn) => turn.figures));
      const rest = stage.rests().at(-1);
      onProgress({ seconds: seconds(), turn: `${name} ${number + 1}`, turns: turns.length, figures, findings, rest });
    };
    progress();
    const ticking = setInterval(progress, 1_000);
    const from = seconds();
    const verdict = await run(programme[name], stage, seedOf(seed, name, number), share);
    clearInterval(ticking);
    const findings = [...verdict.findings, ...strays.splice(0)].map((finding) => `${name} ${number + 1}: ${finding}`);
    findings.forEach(onFinding);
    turns.push({ name, number, seconds: seconds() - from, figures: verdict.figures, findings });
    progress();
    onTurn(outcome());
    if (verdict.hangs) break;
  }
  process.off("uncaughtException", note);
  return outcome();
}

/** Starts each part when it is first asked for. */
function setStage(random: Random) {
  let store: Promise<OwnDatabase> | undefined;
  let standing: Promise<Standing> | undefined;
  let rests: readonly Rest[] = [];
  const getStore = () => (store ??= startOwnDatabase({ on: "memory" }));
  const stand = async () => {
    const made = await startStanding(await getStore(), random);
    rests = made.rests;
    return made;
  };
  return {
    store: getStore,
    standing: () => (standing ??= stand()),
    rests: () => rests,
    async [Symbol.asyncDispose]() {
      await (await standing)?.[Symbol.asyncDispose]();
      await (await store)?.[Symbol.asyncDispose]();
    },
  };
}

async function run(turn: Turn, stage: Stage, seed: number, share: number): Promise<Verdict & { hangs?: boolean }> {
  let patience: NodeJS.Timeout | undefined;
  const hanging = new Promise<Verdict & { hangs: boolean }>((resolve) => {
    patience = setTimeout(() => resolve({ figures: {}, findings: ["it hangs"], hangs: true }), HANGS_MS);
  });
  try {
    return await Promise.race([turn(stage, createRandom(seed), share), hanging]);
  } catch (error) {
    return { figures: {}, findings: [String(error instanceof Error ? error.stack : error)] };
  } finally {
    clearTimeout(patience);
  }
}

/** What turn comes when: each round has every scenario once, in an order of its own. */
export function* order({ seed, only }: TortureOptions): Generator<readonly [TurnName, number]> {
  const names = only ?? (Object.keys(PROGRAMME) as TurnName[]).filter((name) => name !== "mixed");
  const random = createRandom(seed);
  const numbers = new Map<TurnName, number>();
  const next = (name: TurnName) => {
    const number = numbers.get(name) ?? 0;
    numbers.set(name, number + 1);
    return [name, number] as const;
  };
  for (;;) {
    const left = [...names];
    while (left.length > 0) {
      const [name] = left.splice(random.below(left.length), 1);
      if (name !== undefined) yield next(name);
      if (only === undefined) yield next("mixed");
    }
  }
}

/** A seed for each turn, so that one alone can be had again. (FNV-1a.) */
function seedOf(seed: number, name: string, number: number): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(`${seed} ${name} ${number}`)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

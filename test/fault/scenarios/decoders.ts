// R5, in process: what is almost right is read or refused in words, and never takes long.
import { DECODERS, type Decoder } from "../fuzz/decoders.ts";
import type { Random } from "../stage/random.ts";
import type { Verdict } from "./scenario.ts";

export interface DecodersSize {
  readonly inputs: number;
}

/** Nothing of a few kilobytes takes this thread so much of its own time to read, in milliseconds. */
const SLOW_MS = 200;
const MAX_FINDINGS = 20;

export async function decoders(random: Random, { inputs }: DecodersSize): Promise<Verdict> {
  const findings: string[] = [];
  const all = Object.entries<Decoder>(DECODERS);
  let tried = 0;
  for (; tried < inputs && findings.length < MAX_FINDINGS; tried++) {
    const [name, decode] = all[tried % all.length] as (typeof all)[number];
    const begun = process.threadCpuUsage();
    const fault = await decode(random);
    const { user, system } = process.threadCpuUsage(begun);
    const took = (user + system) / 1_000;
    if (fault !== undefined) findings.push(`${name}: ${fault.slice(0, 2_000)}`);
    if (took > SLOW_MS) findings.push(`${name}: one took ${Math.round(took)} ms`);
  }
  return { figures: { "inputs decoded": tried }, findings };
}

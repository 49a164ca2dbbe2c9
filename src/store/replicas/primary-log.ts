// Where the log of the primary was in the last seconds: what a replica must have, so that no answer is old.
import { randomBytes } from "node:crypto";
import type { Position } from "../../domain/read-position.ts";
import type { Queryable } from "../database.ts";
import { nameBranch, positionOf, primaryState } from "./statements.ts";

/** A replica is not read if it lacks what the primary had for so long, in milliseconds. */
export const MAX_LAG_MS = 5_000;

interface Sample {
  readonly since: number;
  readonly position: Position;
}

export class PrimaryLog {
  readonly #primary: Queryable;
  /** In order of time; the first is the last one that is older than the limit, if there is one. */
  #samples: Sample[] = [];

  constructor(primary: Queryable) {
    this.#primary = primary;
  }

  /** The last known position. */
  get last(): Position | undefined {
    return this.#samples.at(-1)?.position;
  }

  /** What a replica must have at least. Undefined: the primary has not told it for too long. */
  get floor(): Position | undefined {
    const now = performance.now();
    const last = this.#samples.at(-1);
    if (last === undefined || now - last.since > MAX_LAG_MS) return undefined;
    while (this.#samples[1] !== undefined && now - this.#samples[1].since >= MAX_LAG_MS) this.#samples.shift();
    return this.#samples[0]?.position;
  }

  /** Asks the primary. Names its history if that is a new one. */
  async look(): Promise<void> {
    const since = performance.now();
    let position = await this.#ask();
    if (position === undefined) {
      await this.#primary.query(nameBranch, [randomBytes(8).toString("hex")]);
      position = await this.#ask();
    }
    if (position === undefined) return;
    const { branch } = position;
    this.#samples = this.#samples.filter((sample) => sample.position.branch === branch);
    this.#samples.push({ since, position });
  }

  async #ask(): Promise<Position | undefined> {
    const [row] = await this.#primary.query(primaryState, []);
    return positionOf(row);
  }
}

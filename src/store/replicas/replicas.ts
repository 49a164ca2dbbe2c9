// Chooses where a read goes: to a replica that has what its caller has seen, or to the primary.
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Position, Reading } from "../../domain/read-position.ts";
import type { Queryable } from "../database.ts";
import type { Statement } from "../driver/statement.ts";
import type { ReadPlace, ReplicaFigures } from "./figures.ts";
import { PrimaryLog } from "./primary-log.ts";
import type { Replica } from "./replica.ts";

/** How often the primary and each replica are asked where they are, in milliseconds. */
const LOOK_EVERY_MS = 1_000;

export interface ReplicasOptions {
  readonly primary: Queryable;
  readonly replicas: readonly Replica[];
  /** Told when a replica is no longer read, and why; and when it is read again. */
  readonly onChange: (level: "info" | "warn", message: string) => void;
}

export class Replicas {
  readonly #options: ReplicasOptions;
  readonly #log: PrimaryLog;
  readonly #reads: Record<ReadPlace, number> = { replica: 0, latest: 0, behind: 0, failed: 0, none: 0 };
  readonly #timer: NodeJS.Timeout;
  /** What was last told of each replica. */
  readonly #told = new Map<Replica, string | undefined>();
  #looking: Promise<void> | undefined;
  #turn = 0;

  constructor(options: ReplicasOptions) {
    this.#options = options;
    this.#log = new PrimaryLog(options.primary);
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS).unref();
    void this.look();
  }

  /** Undefined: the primary must be asked. Throws the signal's reason only. */
  async read<Row>(
    statement: Statement<Row>,
    values: readonly unknown[],
    signal: Interrupt,
    reading: Reading,
  ): Promise<Row[] | undefined> {
    const needed = this.#neededFor(reading.needed);
    if (typeof needed === "string") return this.#count(needed);
    const replica = this.#choose(needed);
    if (replica === undefined) return this.#count(this.#isAnyRead() ? "behind" : "none");
    try {
      const found = await replica.read(statement, values, signal, needed);
      if (found === undefined) return this.#count("behind");
      reading.saw(found.seen, true);
      this.#reads.replica++;
      return found.rows;
    } catch {
      if (signal.aborted) throw signal.reason;
      // Whatever it is, the primary says whether it is the statement's own fault.
      return this.#count("failed");
    }
  }

  /** Asks all where they are. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  get figures(): ReplicaFigures {
    const last = this.#log.last;
    const replicas = this.#options.replicas.map(({ name, state }) => {
      const isSame = last !== undefined && state?.branch === last.branch;
      const lag = isSame ? Number(last.lsn - state.replayed) : undefined;
      return { name, isRead: isSame, lagBytes: lag === undefined ? undefined : Math.max(0, lag) };
    });
    return { replicas, reads: this.#reads };
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#options.replicas.map((replica) => replica.close()));
    await this.#looking;
  }

  #count(place: ReadPlace): undefined {
    this.#reads[place]++;
  }

  /** What the caller has seen, and what the primary had some seconds ago. */
  #neededFor(seen: Position | undefined): Position | ReadPlace {
    if (seen === undefined) return "latest";
    const { floor } = this.#log;
    if (floor === undefined) return "none";
    if (floor.branch !== seen.branch) return "behind";
    return floor.lsn > seen.lsn ? floor : seen;
  }

  /** The least busy one; of several, each in turn. */
  #choose(needed: Position): Replica | undefined {
    const { replicas } = this.#options;
    let best: Replica | undefined;
    this.#turn++;
    for (let place = 0; place < replicas.length; place++) {
      const replica = replicas[(this.#turn + place) % replicas.length] as Replica;
      if (replica.mayHave(needed) && (best === undefined || replica.load < best.load)) best = replica;
    }
    return best;
  }

  #isAnyRead(): boolean {
    return this.#options.replicas.some(({ state }) => state !== undefined);
  }

  async #look(): Promise<void> {
    // While the primary cannot be reached, it says nothing, and what it said is soon too old.
    await Promise.allSettled([this.#log.look(), ...this.#options.replicas.map((replica) => replica.look())]);
    for (const replica of this.#options.replicas) this.#tell(replica);
  }

  #tell(replica: Replica): void {
    const { name, trouble } = replica;
    const isNew = !this.#told.has(replica);
    if (!isNew && this.#told.get(replica) === trouble) return;
    this.#told.set(replica, trouble);
    if (trouble !== undefined) this.#options.onChange("warn", `the replica ${name} is not read: ${trouble}`);
    else this.#options.onChange("info", `the replica ${name} is read`);
  }
}

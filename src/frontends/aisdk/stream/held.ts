// What a client has of a message that goes on.

export interface Held {
  /** How many steps, each to its end. */
  readonly steps: number;
  /** The calls that it was told to run, and those that have a result, by their ids. */
  readonly inputs: ReadonlySet<string>;
  readonly results: ReadonlySet<string>;
  /** The questions that were asked, and those that are answered, by their ids. */
  readonly asked: ReadonlySet<string>;
  readonly answered: ReadonlySet<string>;
}

const NOTHING: ReadonlySet<string> = new Set();
export const NO_MESSAGE: Held = { steps: 0, inputs: NOTHING, results: NOTHING, asked: NOTHING, answered: NOTHING };

// Random commands, some at once, to the store and to the model: each batch must have an order in which both say the same.
import fc from "fast-check";
import type { Tables } from "../stage/database.ts";
import { WIRES } from "../stage/wires.ts";
import { type Answer, type Command, Model } from "./model.ts";
import { createRealStore, type GivenCommand } from "./store.ts";

const CONVERSATIONS = 2;
const MAX_AT_ONCE = 4;

const text = fc.constantFrom("a", "b", "é 👩‍🚀", '"quoted"', "two\nlines");
const conversation = fc.constantFrom(0, 0, 0, 1);
/** One of the first entries of a log: not all are messages, so some calls name none. */
const seq = fc.integer({ min: 1, max: 12 });

function one<const Op extends Command["op"]>(...ops: readonly Op[]) {
  return fc.record({ op: fc.constantFrom(...ops), conversation }) as fc.Arbitrary<Command>;
}

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant("send" as const),
      conversation,
      texts: fc.array(text, { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("edit" as const), conversation, seq, text }) },
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constantFrom("delete" as const, "restore" as const), conversation, seq }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("title" as const), conversation, text }) },
  { weight: 2, arbitrary: one("delete all", "restore all") },
  { weight: 2, arbitrary: one("delete conversation", "restore conversation", "restore conversation") },
  { weight: 4, arbitrary: one("list", "list deleted", "log", "get") },
);

const given: fc.Arbitrary<GivenCommand> = fc.record({
  command,
  wire: fc.constantFrom(...WIRES),
  twice: fc.boolean(),
});

/** Batch after batch; the commands of one go at the same time. */
export const batches = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: given.map((alone) => [alone]) },
    { weight: 1, arbitrary: fc.array(given, { minLength: 2, maxLength: MAX_AT_ONCE }) },
  ),
  { minLength: 1, maxLength: 14 },
);

/** What the two disagree on; undefined: nothing. */
export async function disagreement(
  { url, tables }: { readonly url: string; readonly tables: Tables },
  all: readonly (readonly GivenCommand[])[],
  begin: Model = new Model(CONVERSATIONS),
): Promise<string | undefined> {
  const { headers } = await tables.tenant();
  const store = await createRealStore(url, headers, CONVERSATIONS);
  let possible = [begin];
  for (const batch of all) {
    const answers = await Promise.all(batch.map((each) => store.give(each)));
    const commands = batch.map((each) => each.command);
    const next = possible.flatMap((model) => explain(model, commands, answers));
    if (next.length === 0) {
      const expected = (possible[0] as Model).fork();
      const told = commands.map((each, i) => `${JSON.stringify(each)}: ${answers[i]}, not ${expected.apply(each)}`);
      return told.join("\n");
    }
    possible = distinct(next);
  }
  return undefined;
}

/** The models that come of every order of the commands in which the answers are those that were given. */
function explain(model: Model, commands: readonly Command[], answers: readonly Answer[]): Model[] {
  if (commands.length === 0) return [model];
  return commands.flatMap((first, index) => {
    const then = model.fork();
    if (then.apply(first) !== answers[index]) return [];
    return explain(then, commands.toSpliced(index, 1), answers.toSpliced(index, 1));
  });
}

function distinct(models: readonly Model[]): Model[] {
  return [...new Map(models.map((model) => [model.tell(), model])).values()];
}

// Random commands, some at once, to the store and to the model: each batch must have an order in which both say the
// same.
import type { Tables } from "../stage/database.ts";
import { CONVERSATIONS } from "./commands.ts";
import { type Answer, type Command, Model } from "./model.ts";
import { createRealStore, type GivenCommand } from "./store.ts";

/** Servers of one database, and an agent that calls a tool of its caller's where it is told to act. */
export interface Tried {
  readonly urls: readonly string[];
  readonly tables: Tables;
  readonly agentUrl: string;
}

/** What the two disagree on; undefined: nothing. */
export async function disagreement(
  { urls, tables, agentUrl }: Tried,
  all: readonly (readonly GivenCommand[])[],
  begin: Model = new Model(CONVERSATIONS),
): Promise<string | undefined> {
  const { headers } = await tables.tenant();
  const store = await createRealStore(urls, headers, CONVERSATIONS, agentUrl);
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

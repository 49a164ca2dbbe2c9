// One transaction of an import: what is not there yet gets its place and is added.
import type { Caller } from "../domain/caller.ts";
import type { Database, Queryable } from "../store/database.ts";
import {
  addConversations,
  addEntries,
  addMembers,
  lockLogs,
  type PlacedItem,
  placesOfMessages,
} from "../store/transfer.ts";
import type { EntryLine, ReadLine } from "./import-lines.ts";

export interface LineError {
  readonly line: number;
  readonly description: string;
}

export interface BatchOutcome {
  readonly conversations: number;
  readonly messages: number;
  readonly events: number;
  /** What was there already. */
  readonly skipped: number;
  /** The lines that could not be added, in their order. */
  readonly errors: readonly LineError[];
}

/** Messages of the same id came in meanwhile: the next attempt finds them. */
const ATTEMPTS = 3;

/** Adds the lines in order. With `stop`, the first that cannot be added and those after it are left out. */
export async function addBatch(
  database: Database,
  caller: Caller,
  lines: readonly ReadLine[],
  stop: boolean,
): Promise<BatchOutcome> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await database.transaction(undefined, (tx) => add(tx, caller, lines, stop, attempt > 1));
    } catch (error) {
      if (error instanceof Stopped) return addBatch(database, caller, error.lines, stop);
      if (!isTaken(error) || attempt === ATTEMPTS) throw error;
    }
  }
}

/** Rolls back, for the transaction holds conversations that come after the line that stops the import. */
class Stopped extends Error {
  override readonly name = "Stopped";
  /** The lines up to that one. */
  readonly lines: readonly ReadLine[];

  constructor(lines: readonly ReadLine[]) {
    super("a line cannot be added");
    this.lines = lines;
  }
}

/** A unique key is taken (PostgreSQL manual, appendix A: unique_violation). */
function isTaken(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === "23505";
}

async function add(
  tx: Queryable,
  { tenantId }: Caller,
  lines: readonly ReadLine[],
  stop: boolean,
  doubtful: boolean,
): Promise<BatchOutcome> {
  const conversations = lines.flatMap((line) => (line.kind === "conversation" ? [line.item] : []));
  const members = conversations.flatMap(({ participants, values }) => [
    ...participants.map(({ member_id }) => member_id),
    ...(typeof values.owner_id === "string" ? [values.owner_id] : []),
  ]);
  await addMembers(tx, tenantId, [...new Set(members)]);
  const added = await addConversations(tx, tenantId, conversations);
  const { placed, errors, skipped } = await place(tx, tenantId, lines, stop, doubtful ? new Set() : added);
  await addEntries(tx, tenantId, placed);
  const messages = placed.filter(({ item }) => item.kind === "message").length;
  return {
    conversations: added.size,
    messages,
    events: placed.length - messages,
    skipped: skipped + conversations.length - added.size,
    errors,
  };
}

/** Gives each entry that is not there yet its place in its log. */
async function place(
  tx: Queryable,
  tenantId: string,
  lines: readonly ReadLine[],
  stop: boolean,
  fresh: ReadonlySet<string>,
) {
  const entries = lines.filter((line) => line.kind === "entry");
  const logs = await lockLogs(tx, tenantId, [...new Set(entries.map(({ conversationId }) => conversationId))]);
  const doubtful = entries.filter((entry) => entry.knownId || !fresh.has(entry.conversationId));
  const ids = doubtful.flatMap(({ item }) => (item.kind === "message" ? [item.row.id] : []));
  const there = new Map(await placesOfMessages(tx, tenantId, ids));
  const placed: PlacedItem[] = [];
  const errors: LineError[] = [];
  let skipped = 0;
  for (const [index, line] of lines.entries()) {
    if (line.kind === "conversation") continue;
    const found = line.kind === "bad" ? line.description : placeOf(line, logs.get(line.conversationId), there);
    if (found === "there") skipped++;
    else if (typeof found === "string") {
      errors.push({ line: line.number, description: found });
      const more = lines.slice(index).some(({ kind }) => kind === "conversation");
      if (stop && more) throw new Stopped(lines.slice(0, index + 1));
      if (stop) break;
    } else if (line.kind === "entry") {
      logs.set(line.conversationId, found);
      if (line.item.kind === "message") there.set(line.item.row.id, line.conversationId);
      placed.push({ item: line.item, seq: found });
    }
  }
  return { placed, errors, skipped };
}

/** The place that an entry gets, "there" for one that has it, or what is wrong. */
function placeOf(
  { item, conversationId }: EntryLine,
  last: bigint | undefined,
  there: ReadonlyMap<string, string>,
): bigint | string {
  if (last === undefined) return "conversation_id: there is no such conversation";
  if (item.kind === "message") {
    const place = there.get(item.row.id);
    if (place !== undefined) return place === conversationId ? "there" : "message.id: it is in another conversation";
  }
  const wanted = item.row.seq;
  if (wanted === 0n) return last + 1n;
  if (wanted > last + 1n) return `seq: ${last + 1n} is the next of this conversation`;
  if (wanted === last + 1n) return wanted;
  return item.kind === "event" ? "there" : "seq: another entry has this place";
}

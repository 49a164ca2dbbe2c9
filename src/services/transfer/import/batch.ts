// One transaction of an import: adds what does not exist yet, each entry at its place in the log.
import type { Caller } from "../../../domain/identity/caller.ts";
import type { Database, Queryable } from "../../../store/database.ts";
import * as store from "../../../store/transfer/import.ts";
import * as entries from "../../../store/transfer/import-entries.ts";
import { branchImported, namedBy } from "./branches.ts";
import { placeOf, type WithinLine } from "./check.ts";
import { withoutErased } from "./erased.ts";
import type { PartsLine, ReadLine } from "./line.ts";
import { addMore, type MoreLine } from "./more.ts";
import { clampToLog, isReached, type WaitingParts } from "./places.ts";

export interface LineError {
  readonly line: number;
  readonly description: string;
}

export interface BatchOutcome {
  readonly conversations: number;
  readonly messages: number;
  readonly events: number;
  /** Lines that held only what was there already. */
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
  waiting: WaitingParts,
): Promise<BatchOutcome> {
  for (let attempt = 1; ; attempt++) {
    try {
      const { outcome, parts, added, last, grown } = await database.transaction(undefined, (tx) =>
        add(tx, caller, lines, stop, attempt > 1, waiting),
      );
      waiting.wait(parts, last, added);
      waiting.settle(grown);
      return outcome;
    } catch (error) {
      if (error instanceof Stopped) return addBatch(database, caller, error.lines, stop, waiting);
      if (!isTaken(error) || attempt === ATTEMPTS) throw error;
    }
  }
}

/** Settles participants whose places no log will reach: the end of the log is as far as they are. */
export async function settleParts(
  database: Database,
  { tenantId }: Caller,
  parts: readonly store.ImportedPart[],
): Promise<void> {
  if (parts.length === 0) return;
  await database.transaction(undefined, async (tx) => {
    const last = await entries.lockLogs(tx, tenantId, [...new Set(parts.map(({ conversationId }) => conversationId))]);
    const settled = parts.map((part) => clampToLog(part, last.get(part.conversationId) ?? 0n));
    await store.markParts(tx, tenantId, settled);
  });
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

/** In which Citus reports that a node took no rows, with no other code than that of an internal error. */
const CITUS_COPY = "ReportCopyError";

/** A unique key is taken (PostgreSQL manual, appendix A: unique_violation), or may be. */
function isTaken(error: unknown): boolean {
  const { code, routine } = (error ?? {}) as { code?: unknown; routine?: unknown };
  return code === "23505" || routine === CITUS_COPY;
}

async function add(
  tx: Queryable,
  { tenantId }: Caller,
  read: readonly ReadLine[],
  stop: boolean,
  doubtful: boolean,
  waiting: WaitingParts,
) {
  const { lines, left } = await withoutErased(tx, tenantId, read);
  const conversations = lines.flatMap((line) => (line.kind === "conversation" ? [line.item] : []));
  const more = lines.filter((line) => line.kind === "parts");
  const members = [
    ...conversations.flatMap(({ participants }) => participants.map(({ member_id }) => member_id)),
    ...conversations.flatMap(({ values }) => (typeof values.owner_id === "string" ? [values.owner_id] : [])),
    ...more.flatMap(({ parts }) => parts.map(({ member_id }) => member_id)),
  ];
  await store.addMembers(tx, tenantId, [...new Set(members)]);
  const added = await store.addConversations(tx, tenantId, conversations);
  const placing = await place(tx, tenantId, lines, stop, doubtful ? new Set() : added);
  const { placed, errors, last, grown } = placing;
  await entries.addEntries(tx, tenantId, placed);
  const fresh = conversations.filter(({ id }) => added.has(id));
  await branchImported(tx, tenantId, placed, placing.there, fresh);
  const parts = partsOf(conversations, more);
  const skippedParts = await addParts(tx, tenantId, parts, more, placing, added);
  await store.markParts(tx, tenantId, [...waiting.reached(grown), ...caughtUp(parts, placing, added)]);
  await entries.addReferences(tx, tenantId, placed);
  const skippedMore = await addMore(tx, tenantId, placing.more);
  await store.numberConversations(tx, tenantId, fresh);
  const messages = placed.filter(({ item }) => item.kind === "message").length;
  const skipped = left + placing.skipped + conversations.length - added.size + skippedParts + skippedMore;
  const counts = { conversations: added.size, messages, events: placed.length - messages };
  return { outcome: { ...counts, skipped, errors }, parts, added, last, grown };
}

/** All that lines say of participants; of a conversation that comes twice the first counts. */
function partsOf(
  conversations: readonly store.ImportedConversation[],
  more: readonly PartsLine[],
): store.ImportedPart[] {
  const first = new Map(conversations.toReversed().map((item) => [item.id, item]));
  const own = [...first.values()].flatMap(({ id, participants }) =>
    participants.map((part) => ({ ...part, conversationId: id })),
  );
  return [...own, ...more.flatMap((line) => line.parts)];
}

/**
 * Adds participants to conversations that are new, or whose log is still empty because an import broke off right after
 * them. Answers how many of the lines added none.
 */
async function addParts(
  tx: Queryable,
  tenantId: string,
  parts: readonly store.ImportedPart[],
  more: readonly PartsLine[],
  { before, last }: Placing,
  added: ReadonlySet<string>,
): Promise<number> {
  const from = parts.length - more.reduce((sum, line) => sum + line.parts.length, 0);
  // A mark beyond the log is set once the log is there: until then nothing that may still come counts as read.
  const now = (part: store.ImportedPart) =>
    isReached(part, last.get(part.conversationId) ?? 0n) ? part : { ...part, read_seq: 0n };
  const own = parts.slice(0, from).filter(({ conversationId }) => added.has(conversationId));
  await store.addParts(tx, tenantId, own.map(now));
  const isOpen = (id: string) => added.has(id) || before.get(id) === 0n;
  const open = parts.slice(from).filter(({ conversationId }) => isOpen(conversationId));
  const joined = await store.addParts(tx, tenantId, open.map(now));
  await store.countParts(tx, tenantId, joined);
  return more.filter(({ conversationId }) => !joined.has(conversationId)).length;
}

/** Participants of conversations that an earlier import began, whose places their logs have reached only now. */
function caughtUp(
  parts: readonly store.ImportedPart[],
  { before, last }: Placing,
  added: ReadonlySet<string>,
): store.ImportedPart[] {
  return parts.filter((part) => {
    const { conversationId: id } = part;
    return !added.has(id) && !isReached(part, before.get(id) ?? 0n) && isReached(part, last.get(id) ?? 0n);
  });
}

type Placing = Awaited<ReturnType<typeof place>>;

/** Gives each entry that is not there yet its place in its log. */
async function place(
  tx: Queryable,
  tenantId: string,
  lines: readonly ReadLine[],
  stop: boolean,
  fresh: ReadonlySet<string>,
) {
  const within = lines.filter((line) => line.kind !== "bad" && line.kind !== "conversation");
  const last = await entries.lockLogs(tx, tenantId, [...new Set(within.map(({ conversationId }) => conversationId))]);
  const before: ReadonlyMap<string, bigint> = new Map(last);
  const there = await entries.messagesThere(tx, tenantId, idsInDoubt(within, fresh));
  const placed: entries.PlacedItem[] = [];
  const more: MoreLine[] = [];
  const errors: LineError[] = [];
  let skipped = 0;
  for (const [index, line] of lines.entries()) {
    if (line.kind === "conversation") continue;
    const found = line.kind === "bad" ? line.description : placeOf(line, last, there);
    if (found === "there") skipped++;
    else if (typeof found === "string") {
      errors.push({ line: line.number, description: found });
      const locks = lines.slice(index).some(({ kind }) => kind === "conversation" || kind === "parts");
      if (stop && locks) throw new Stopped(lines.slice(0, index + 1));
      if (stop) break;
    } else if (line.kind === "revisions" || line.kind === "reactions") {
      more.push(line);
    } else if (line.kind === "entry" && found !== undefined) {
      last.set(line.conversationId, found);
      if (line.item.kind === "message") there.set(line.item.row.id, { ...line.item.row, seq: found });
      placed.push({ item: line.item, seq: found });
    }
  }
  const grown = new Map([...last].filter(([id, end]) => end !== before.get(id)));
  return { placed, more, errors, skipped, before, last, grown, there };
}

/** The messages that may be there already, as far as lines name them. */
function idsInDoubt(lines: readonly WithinLine[], fresh: ReadonlySet<string>): string[] {
  return lines.flatMap((line) => {
    if (line.kind === "revisions" || line.kind === "reactions") return [line.messageId];
    if (line.kind === "parts") return [];
    if (line.item.kind === "event") return namedBy(line.item);
    const own = line.knownId || !fresh.has(line.conversationId) ? [line.item.row.id] : [];
    return line.item.row.parent_id === null ? own : [...own, line.item.row.parent_id];
  });
}

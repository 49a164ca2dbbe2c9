// ImportConversations: newline-delimited JSON, checked line by line, added up to two thousand lines at a time.
import { setImmediate } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import {
  type ImportConversationsRequest,
  type ImportConversationsResponse,
  ImportConversationsResponseSchema,
  ImportErrorSchema,
} from "../../../../gen/colloquy/v1/transfer_service_pb.ts";
import type { Caller } from "../../../domain/identity/caller.ts";
import { validate } from "../../../pipeline/validation/validation.ts";
import type { Database } from "../../../store/database.ts";
import { addBatch, type BatchOutcome, settleParts } from "./batch.ts";
import { FailedLines, TOO_MANY_FAILED } from "./failed-lines.ts";
import type { ReadLine } from "./line.ts";
import { LineSplitter, MAX_LINE_BYTES, type RawLine } from "./lines.ts";
import { WaitingParts } from "./places.ts";
import { BatchQueue } from "./queue.ts";
import { createLineReader } from "./reader.ts";

/** So many lines, or so many characters of them, are added in one transaction at most. */
const BATCH_LINES = 2_000;
const BATCH_CHARACTERS = 4 * 1024 * 1024;
/** From so many on the next conversation begins the next batch: batches that share none can be added side by side. */
const GOOD_LINES = 1_500;
/** As few will do if the database would have to wait for more. */
const LEAST_LINES = 500;
/** So many batches are under way at once: while one waits for its commit, or for this process, the other works. */
const LANES = 2;
/**
 * So long may lines be read before others have their turn, in milliseconds: other calls, and batches that are to go on.
 */
const TURN_MS = 2;
const MAX_ERRORS = 1_000;
/** What a line that was read takes beside its text, and what a participant takes who waits for the log, in bytes. */
const LINE_BYTES = 512;
const PART_BYTES = 256;

/** A part of what is to be imported. */
export type ImportPart = Pick<ImportConversationsRequest, "body" | "stopOnError">;

/** What an import needs of its call. */
export interface ImportCall {
  readonly signal: AbortSignal;
  /** Hears how many bytes of the parts are held now. What it throws ends the import. */
  held(bytes: number): void;
}

/** Reads until the parts end, or a line stops it. */
export async function importConversations(
  database: Database,
  caller: Caller,
  parts: AsyncIterable<ImportPart>,
  call: ImportCall,
): Promise<ImportConversationsResponse> {
  const splitter = new LineSplitter();
  let run: ImportRun | undefined;
  let turnEnds = 0;
  let part = 0;
  const tell = () => call.held(part + splitter.held + (run?.held ?? 0));
  for await (const { body, stopOnError } of parts) {
    // What the first part says holds.
    run ??= new ImportRun(database, caller, stopOnError, tell);
    part = body?.data.byteLength ?? 0;
    tell();
    for (const line of splitter.push(body?.data ?? new Uint8Array())) {
      await run.add(line);
      if (performance.now() < turnEnds) continue;
      await setImmediate();
      turnEnds = performance.now() + TURN_MS;
    }
    part = 0;
    tell();
    call.signal.throwIfAborted();
    if (run.answer.stopped) break;
  }
  run ??= new ImportRun(database, caller, false, tell);
  for (const line of splitter.end()) await run.add(line);
  return run.finish(splitter.count);
}

class ImportRun {
  readonly answer = create(ImportConversationsResponseSchema);
  readonly #queue: BatchQueue;
  readonly #read: ReturnType<typeof createLineReader>;
  readonly #stopOnError: boolean;
  readonly #waiting = new WaitingParts();
  readonly #settle: (end: boolean) => Promise<void>;
  readonly #failed = new FailedLines();
  #batch: ReadLine[] = [];
  #characters = 0;
  /** How much each batch holds that is under way, in bytes. */
  readonly #underWay = new Map<readonly ReadLine[], number>();

  /** @param onLess called when it holds less than before */
  constructor(database: Database, caller: Caller, stopOnError: boolean, onLess: () => void) {
    this.#read = createLineReader(caller, validate);
    this.#stopOnError = stopOnError;
    // Nothing after a line that stops it may be added, so nothing is added beside it.
    this.#queue = new BatchQueue(
      stopOnError ? 1 : LANES,
      (lines) =>
        addBatch(database, caller, lines, stopOnError, this.#waiting).finally(() => {
          this.#underWay.delete(lines);
          onLess();
        }),
      (outcome, lines) => this.#tell(outcome, lines),
    );
    this.#settle = (end) => settleParts(database, caller, this.#waiting.take(end));
  }

  /** How much it holds, in bytes as they came. */
  get held(): number {
    let held = heldBy(this.#batch, this.#characters) + this.#waiting.count * PART_BYTES;
    for (const bytes of this.#underWay.values()) held += bytes;
    return held;
  }

  async add(raw: RawLine): Promise<void> {
    if (this.answer.stopped) return;
    this.answer.lineCount = BigInt(raw.number);
    const length = raw.text?.length ?? MAX_LINE_BYTES;
    if (raw.text?.trim() === "") {
      this.#failed.addBlank(length);
      if (this.#failed.areTooMany) await this.#giveUp(raw.number);
      return;
    }
    const line = await this.#read(raw);
    if (line.kind === "bad") this.#failed.addUnreadable(length);
    else this.#failed.addRead(line.number, length);
    const enough = this.#queue.free ? LEAST_LINES : GOOD_LINES;
    if (line.kind === "conversation" && this.#batch.length >= enough) await this.#flush();
    this.#batch.push(line);
    this.#characters += raw.text?.length ?? 0;
    const full = this.#batch.length >= BATCH_LINES || this.#characters >= BATCH_CHARACTERS;
    const stops = this.#stopOnError && line.kind === "bad";
    if (full || stops) await this.#flush();
    if (stops) await this.#queue.settled();
    else if (this.#failed.areTooMany) await this.#giveUp(raw.number);
  }

  /** Adds what came before, and says last where it has stopped. */
  async #giveUp(line: number): Promise<void> {
    await this.#flush();
    await this.#queue.settled();
    const { answer } = this;
    const last = create(ImportErrorSchema, { line: BigInt(line), description: TOO_MANY_FAILED });
    answer.errors.splice(MAX_ERRORS - 1, 1);
    answer.errors.push(last);
    answer.stopped = true;
  }

  async finish(lines: number): Promise<ImportConversationsResponse> {
    await this.#flush();
    await this.#queue.settled();
    await this.#settle(true);
    if (!this.answer.stopped) this.answer.lineCount = BigInt(lines);
    return this.answer;
  }

  async #flush(): Promise<void> {
    const lines = this.#batch;
    this.#underWay.set(lines, heldBy(lines, this.#characters));
    this.#batch = [];
    this.#characters = 0;
    if (lines.length > 0) await this.#queue.add(lines);
    else this.#underWay.delete(lines);
    await this.#settle(false);
  }

  #tell(outcome: BatchOutcome, lines: readonly ReadLine[]): void {
    const { answer } = this;
    this.#failed.settle(lines, outcome.errors);
    answer.conversationCount += BigInt(outcome.conversations);
    answer.messageCount += BigInt(outcome.messages);
    answer.eventCount += BigInt(outcome.events);
    answer.skippedCount += BigInt(outcome.skipped);
    answer.errorCount += BigInt(outcome.errors.length);
    for (const { line, description } of outcome.errors.slice(0, MAX_ERRORS - answer.errors.length)) {
      answer.errors.push(create(ImportErrorSchema, { line: BigInt(line), description }));
    }
    answer.stopped ||= this.#stopOnError && outcome.errors.length > 0;
  }
}

function heldBy(lines: readonly ReadLine[], characters: number): number {
  return characters + lines.length * LINE_BYTES;
}

// ImportConversations: newline-delimited JSON, checked line by line, added some thousand lines at a time.
import { create } from "@bufbuild/protobuf";
import {
  type ImportConversationsRequest,
  type ImportConversationsResponse,
  ImportConversationsResponseSchema,
  ImportErrorSchema,
} from "../../gen/colloquy/v1/conversation_service_pb.ts";
import type { Caller } from "../domain/caller.ts";
import { createValidation } from "../rpc/validation.ts";
import type { Database } from "../store/database.ts";
import { addBatch } from "./import-batch.ts";
import { createLineReader, type ImportLine, LineSplitter, type RawLine } from "./import-lines.ts";

/** So many lines, or so many characters of them, are added in one transaction. */
const BATCH_LINES = 2_000;
const BATCH_CHARACTERS = 4 * 1024 * 1024;
const MAX_ERRORS = 1_000;

/** A part of what is to be imported. */
export type ImportPart = Pick<ImportConversationsRequest, "body" | "stopOnError">;

/** Reads until the parts end, or a line stops it. */
export async function importConversations(
  database: Database,
  caller: Caller,
  parts: AsyncIterable<ImportPart>,
  signal: AbortSignal,
): Promise<ImportConversationsResponse> {
  const splitter = new LineSplitter();
  const run = new ImportRun(database, caller);
  for await (const { body, stopOnError } of parts) {
    run.stopOnError ||= stopOnError;
    for (const line of splitter.push(body?.data ?? new Uint8Array())) await run.add(line);
    signal.throwIfAborted();
    if (run.answer.stopped) break;
  }
  for (const line of splitter.end()) await run.add(line);
  return run.finish();
}

class ImportRun {
  readonly answer = create(ImportConversationsResponseSchema);
  stopOnError = false;
  readonly #database: Database;
  readonly #caller: Caller;
  readonly #read: ReturnType<typeof createLineReader>;
  #batch: ImportLine[] = [];
  #characters = 0;
  /** While one batch is added the next is read and checked: the database and this process work side by side. */
  #adding: Promise<void> = Promise.resolve();

  constructor(database: Database, caller: Caller) {
    this.#database = database;
    this.#caller = caller;
    this.#read = createLineReader(caller, createValidation());
  }

  async add(raw: RawLine): Promise<void> {
    if (this.answer.stopped) return;
    this.answer.lineCount = BigInt(raw.number);
    if (raw.text?.trim() === "") return;
    const line = this.#read(raw);
    if (line.kind === "bad") {
      // Errors are told in the order of their lines, and what stands before one that stops the import is added.
      await this.#flush();
      await this.#adding;
      if (!this.answer.stopped) this.#report(line.number, line.description);
      return;
    }
    this.#batch.push(line);
    this.#characters += raw.text?.length ?? 0;
    if (this.#batch.length >= BATCH_LINES || this.#characters >= BATCH_CHARACTERS) await this.#flush();
  }

  async finish(): Promise<ImportConversationsResponse> {
    await this.#flush();
    await this.#adding;
    return this.answer;
  }

  async #flush(): Promise<void> {
    await this.#adding;
    const lines = this.#batch;
    this.#batch = [];
    this.#characters = 0;
    if (lines.length === 0 || this.answer.stopped) return;
    this.#adding = this.#addBatch(lines);
    // It is awaited later, and its failure told then.
    this.#adding.catch(() => {});
  }

  async #addBatch(lines: readonly ImportLine[]): Promise<void> {
    const outcome = await addBatch(this.#database, this.#caller, lines, this.stopOnError);
    this.answer.conversationCount += BigInt(outcome.conversations);
    this.answer.messageCount += BigInt(outcome.messages);
    this.answer.eventCount += BigInt(outcome.events);
    this.answer.skippedCount += BigInt(outcome.skipped);
    for (const { line, description } of outcome.errors) this.#report(line, description);
  }

  #report(line: number, description: string): void {
    this.answer.errorCount++;
    if (this.answer.errors.length < MAX_ERRORS) {
      this.answer.errors.push(create(ImportErrorSchema, { line: BigInt(line), description }));
    }
    if (this.stopOnError) this.answer.stopped = true;
  }
}

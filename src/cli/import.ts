// `import`: adds the newline-delimited JSON of an export, or of another system; or an export of OpenAI's products.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { create } from "@bufbuild/protobuf";
import { HttpBodySchema } from "../../gen/google/api/httpbody_pb.ts";
import { type LineSource, linesOf } from "../dialects/openai/import/lines.ts";
import { openAiRecords } from "../dialects/openai/import/records.ts";
import type { ByteStore } from "../files/byte-store.ts";
import { openFiles } from "../files/open.ts";
import { type ImportPart, importConversations } from "../services/transfer/import/import.ts";
import type { Database } from "../store/database.ts";
import { CommandError, type Invocation, UsageError } from "./command.ts";
import { commandCaller, tenantNamed } from "./command-caller.ts";
import { LIST } from "./files-folder/folder.ts";
import { type ReadFiles, readFilesFolder } from "./files-folder/read.ts";
import { FilesOfImport } from "./imported-files.ts";
import { createProgress, type Progress } from "./progress.ts";
import { withDatabase } from "./with-database.ts";

interface Options {
  readonly tenant?: string;
  readonly stop?: boolean;
  readonly format?: string;
  readonly member?: string | undefined;
  readonly files?: string | undefined;
}

export async function run(invocation: Invocation): Promise<void> {
  const [file = "-"] = invocation.arguments;
  const { tenant = "default", stop = false, format, member, files } = invocation.options as Options;
  if (format !== "colloquy" && format !== "openai") throw new UsageError("import: --format must be colloquy or openai");
  if (member !== undefined && format !== "openai") throw new UsageError("import: --member needs --format openai");
  if (files !== undefined && format !== "colloquy") throw new UsageError("import: --files needs --format colloquy");
  const size = file === "-" ? undefined : await sizeOf(file);
  const progress = createProgress();
  const chunks = readChunks(file, size, progress);
  const { result, source, read } = await withDatabase(invocation, "command", async ({ database }) => {
    const caller = commandCaller(await tenantNamed(database, tenant));
    const call = { signal: invocation.signal, held() {} };
    if (format === "openai") {
      return withBytes(invocation, async (bytes) => {
        const inPlace = new FilesOfImport(database, caller.tenantId, bytes);
        const source: LineSource = linesOf(openAiRecords(chunks, { member, files: inPlace }), stop);
        const result = await importConversations(database, caller, parts(source.chunks(), stop), call);
        const read = await inPlace.finish();
        return { result, source, read: read.added + read.present + read.failures === 0 ? undefined : read };
      });
    }
    const result = await importConversations(database, caller, parts(chunks, stop), call);
    const skips = files === undefined || result.stopped;
    const read = skips ? undefined : await addFiles(files, invocation, database, caller.tenantId);
    return { result, source: undefined, read };
  });
  progress.end();
  for (const { line, description } of result.errors) {
    invocation.print(`${source ? `value ${source.valueOf(Number(line))}` : `line ${line}`}: ${description}`);
  }
  for (const { value, description } of source?.faults ?? []) invocation.print(`value ${value}: ${description}`);
  const { conversationCount, messageCount, eventCount, skippedCount } = result;
  const errorCount = result.errorCount + BigInt(source?.faultCount ?? 0);
  invocation.print(
    `${counted(conversationCount, "conversation")}, ${counted(messageCount, "message")} and ` +
      `${counted(eventCount, "event")} added, ${skippedCount} already present, ` +
      `${counted(errorCount, source ? "value" : "line")} failed`,
  );
  if (read !== undefined) {
    const { added, present, failures, files } = read;
    const uses = `${counted(BigInt(added), "use")} of files added, with the bytes of ${counted(BigInt(files), "file")}`;
    invocation.print(`${uses}, ${present} already present, ${counted(BigInt(failures), "line")} failed`);
  }
  if (result.stopped && !stop) throw new CommandError("stopped: too many lines failed");
  if (errorCount === 0n && (read?.failures ?? 0) === 0) return;
  const stopped = result.stopped || (stop && source !== undefined);
  throw new CommandError(stopped ? "stopped at the first line that failed" : "some lines were skipped");
}

async function addFiles(folder: string, invocation: Invocation, on: Database, tenantId: string): Promise<ReadFiles> {
  const { signal, print } = invocation;
  const onFailure = (line: number, words: string) => print(`${LIST} line ${line}: ${words}`);
  return withBytes(invocation, (bytes) => readFilesFolder(folder, { on, tenantId, bytes, signal, onFailure }));
}

async function withBytes<T>({ config }: Invocation, work: (bytes: ByteStore) => Promise<T>): Promise<T> {
  const bytes = await openFiles(config.files.place, config.files.maxBytes);
  try {
    return await work(bytes);
  } finally {
    await bytes.close();
  }
}

function counted(count: bigint, what: string): string {
  return `${count} ${what}${count === 1n ? "" : "s"}`;
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (cause) {
    throw new CommandError(`${file}: cannot be read`, { cause });
  }
}

async function* readChunks(file: string, size: number | undefined, progress: Progress): AsyncGenerator<Buffer> {
  let read = 0;
  for await (const chunk of file === "-" ? process.stdin : createReadStream(file)) {
    const data = chunk as Buffer;
    yield data;
    read += data.length;
    progress.show(read, size, `${(read / 2 ** 20).toFixed(1)} MiB`);
  }
}

async function* parts(chunks: AsyncIterable<Uint8Array>, stopOnError: boolean): AsyncIterable<ImportPart> {
  for await (const chunk of chunks) {
    // A view of the same bytes, of the type that the message has.
    const data = new Uint8Array(chunk.buffer as ArrayBuffer, chunk.byteOffset, chunk.byteLength);
    yield { body: create(HttpBodySchema, { data }), stopOnError };
  }
}

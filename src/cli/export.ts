// `export`: writes conversations as newline-delimited JSON, the input of `import`.
import { createWriteStream } from "node:fs";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { toJsonString } from "@bufbuild/protobuf";
import { RecordSchema } from "../../gen/colloquy/v1/record_pb.ts";
import { openFiles } from "../files/open.ts";
import { exportConversations } from "../services/transfer/export.ts";
import { CommandError, type Invocation } from "./command.ts";
import { commandCaller, tenantNamed } from "./command-caller.ts";
import { openFilesFolder } from "./files-folder/write.ts";
import { createProgress } from "./progress.ts";
import { withDatabase } from "./with-database.ts";

export async function run(invocation: Invocation): Promise<void> {
  const [file = "-"] = invocation.arguments;
  const { tenant = "default", conversation = "", files } = invocation.options as Record<string, string | undefined>;
  const progress = createProgress();
  await withDatabase(invocation, "command", async ({ database }) => {
    const caller = commandCaller(await tenantNamed(database, tenant));
    const folder = files === undefined ? undefined : await openFilesFolder(files);
    let conversations = 0;
    let lines = 0;
    async function* text() {
      const { signal } = invocation;
      const records = exportConversations(database, caller, conversation, signal, undefined, folder?.note);
      for await (const { record } of records) {
        yield `${toJsonString(RecordSchema, record)}\n`;
        lines++;
        if (record.kind.case === "conversation") conversations++;
        progress.show(lines, undefined, `${conversations} conversations, ${lines} lines`);
      }
    }
    await pipeline(text, file === "-" ? standardOutput() : createWriteStream(file, { mode: 0o600 })).catch((cause) =>
      throwUnwritten(file === "-" ? "standard output" : file, cause),
    );
    if (folder === undefined) return;
    const { place, maxBytes } = invocation.config.files;
    const bytes = await openFiles(place, maxBytes);
    try {
      const { erased } = await folder.copyBytes(database, caller.tenantId, bytes, invocation.signal);
      if (erased > 0) invocation.logger.warn({ erased }, "files were erased while the export ran: it has none of them");
    } finally {
      await bytes.close();
    }
  });
  progress.end();
}

/** Turns a system error of the file into a CommandError; throws any other error as it is. */
function throwUnwritten(name: string, cause: unknown): never {
  const { syscall = "" } = cause as NodeJS.ErrnoException;
  if (syscall !== "open" && syscall !== "write") throw cause;
  throw new CommandError(`${name}: cannot be written`, { cause });
}

/** Does not close standard output at the end. */
function standardOutput(): Writable {
  // The write reports a closed pipe too; without a listener this event would end the process.
  process.stdout.on("error", () => {});
  return new Writable({ write: (chunk, _, done) => void process.stdout.write(chunk, done) });
}

// `export`: writes conversations as newline-delimited JSON, the input of `import`.
import { createWriteStream } from "node:fs";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { toJsonString } from "@bufbuild/protobuf";
import { RecordSchema } from "../../gen/colloquy/v1/record_pb.ts";
import { exportConversations } from "../services/transfer/export.ts";
import { type Command, CommandError } from "./command.ts";
import { commandCaller, tenantNamed } from "./command-caller.ts";
import { createProgress } from "./progress.ts";
import { withDatabase } from "./with-database.ts";

export const exportCommand: Command = {
  name: "export",
  summary: "export conversations as newline-delimited JSON; - writes to standard output",
  arguments: ["file"],
  options: {
    tenant: { type: "string", default: "default", help: "tenant, by id or slug (default: default)" },
    conversation: { type: "string", default: "", help: "id of one conversation (default: all)" },
  },
  async run(invocation) {
    const [file = "-"] = invocation.arguments;
    const { tenant = "default", conversation = "" } = invocation.options as Record<string, string>;
    const progress = createProgress();
    await withDatabase(invocation, "command", async ({ database }) => {
      const caller = commandCaller(await tenantNamed(database, tenant));
      let conversations = 0;
      let lines = 0;
      async function* text() {
        for await (const { record } of exportConversations(database, caller, conversation, invocation.signal)) {
          yield `${toJsonString(RecordSchema, record)}\n`;
          lines++;
          if (record.kind.case === "conversation") conversations++;
          progress.show(lines, undefined, `${conversations} conversations, ${lines} lines`);
        }
      }
      await pipeline(text, file === "-" ? standardOutput() : createWriteStream(file, { mode: 0o600 })).catch((cause) =>
        throwUnwritten(file === "-" ? "standard output" : file, cause),
      );
    });
    progress.end();
  },
};

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

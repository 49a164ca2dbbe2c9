// `export`: writes conversations as newline-delimited JSON, which `import` takes.
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
  summary: "write a tenant's conversations as newline-delimited JSON; - writes to standard output",
  arguments: ["file"],
  options: {
    tenant: { type: "string", default: "default", help: "the tenant, by id or slug (default)" },
    conversation: { type: "string", default: "", help: "the id of one conversation (all)" },
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
        tellUnwritten(file === "-" ? "standard output" : file, cause),
      );
    });
    progress.end();
  },
};

/** Throws what the system says of a file in words, and anything else as it is. */
function tellUnwritten(name: string, cause: unknown): never {
  const { syscall = "" } = cause as NodeJS.ErrnoException;
  if (syscall !== "open" && syscall !== "write") throw cause;
  throw new CommandError(`${name} cannot be written`, { cause });
}

/** Standard output stays open when all is written. */
function standardOutput(): Writable {
  // A reader that has gone is told of to the write as well; unheard, it would end the process at once.
  process.stdout.on("error", () => {});
  return new Writable({ write: (chunk, _, done) => void process.stdout.write(chunk, done) });
}

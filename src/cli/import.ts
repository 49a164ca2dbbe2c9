// `import`: adds the newline-delimited JSON of an export, or of another system.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { create } from "@bufbuild/protobuf";
import { HttpBodySchema } from "../../gen/google/api/httpbody_pb.ts";
import { type ImportPart, importConversations } from "../services/transfer/import.ts";
import { type Command, CommandError } from "./command.ts";
import { commandCaller, tenantNamed } from "./command-caller.ts";
import { createProgress, type Progress } from "./progress.ts";
import { withDatabase } from "./with-database.ts";

export const importCommand: Command = {
  name: "import",
  summary: "import conversations from newline-delimited JSON; - reads standard input",
  arguments: ["file"],
  options: {
    tenant: { type: "string", default: "default", help: "tenant, by id or slug (default: default)" },
    stop: { type: "boolean", default: false, help: "stop at the first line that fails" },
  },
  async run(invocation) {
    const [file = "-"] = invocation.arguments;
    const { tenant = "default", stop = false } = invocation.options as { tenant?: string; stop?: boolean };
    const size = file === "-" ? undefined : await sizeOf(file);
    const progress = createProgress();
    const answer = await withDatabase(invocation, "command", async ({ database }) => {
      const caller = commandCaller(await tenantNamed(database, tenant));
      return importConversations(database, caller, parts(file, size, stop, progress), {
        signal: invocation.signal,
        held() {},
      });
    });
    progress.end();
    for (const { line, description } of answer.errors) invocation.print(`line ${line}: ${description}`);
    const { conversationCount, messageCount, eventCount, skippedCount, errorCount } = answer;
    invocation.print(
      `${counted(conversationCount, "conversation")}, ${counted(messageCount, "message")} and ` +
        `${counted(eventCount, "event")} added, ${skippedCount} already present, ` +
        `${counted(errorCount, "line")} failed`,
    );
    if (errorCount === 0n) return;
    throw new CommandError(answer.stopped ? "stopped at the first line that failed" : "some lines were skipped");
  },
};

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

async function* parts(
  file: string,
  size: number | undefined,
  stopOnError: boolean,
  progress: Progress,
): AsyncIterable<ImportPart> {
  let read = 0;
  for await (const chunk of file === "-" ? process.stdin : createReadStream(file)) {
    const data = chunk as Buffer;
    yield { body: create(HttpBodySchema, { data }), stopOnError };
    read += data.length;
    progress.show(read, size, `${(read / 2 ** 20).toFixed(1)} MiB`);
  }
}

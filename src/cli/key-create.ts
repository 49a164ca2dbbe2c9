// `key create`: an API key, whose text is shown once.
import { SCOPES } from "../domain/principal.ts";
import { issueApiKey } from "../services/api-keys/issue.ts";
import { type Command, UsageError } from "./command.ts";
import { COMMAND_ORIGIN, commandCaller, secondsOf, tenantNamed } from "./command-caller.ts";
import { withDatabase } from "./with-database.ts";

/** As the contract has it for ApiKey.display_name. */
const MAX_NAME = 200;
/** A hundred years. */
const MAX_EXPIRY_S = 36_500 * 24 * 60 * 60;

export const keyCreateCommand: Command = {
  name: "key create",
  summary: "create an API key and print it, once",
  options: {
    tenant: { type: "string", default: "default", help: "the tenant, by id or slug (default)" },
    scopes: { type: "string", default: "read,write", help: `some of ${SCOPES.join(",")} (read,write)` },
    name: { type: "string", default: "", help: "a name for people" },
    expires: { type: "string", help: "how long it works, such as 90d (for ever)" },
  },
  async run(invocation) {
    const { tenant = "default", scopes = "", name = "", expires } = invocation.options as Record<string, string>;
    const words = scopes.split(",").map((word) => word.trim());
    const wanted = SCOPES.filter((scope) => words.includes(scope));
    if (wanted.length === 0 || words.some((word) => !SCOPES.some((scope) => scope === word))) {
      throw new UsageError(`--scopes: want some of ${SCOPES.join(",")}`);
    }
    if ([...name].length > MAX_NAME) throw new UsageError(`--name: want at most ${MAX_NAME} characters`);
    const seconds = expires === undefined ? undefined : secondsOf("expires", expires);
    if (seconds !== undefined && (seconds < 1 || seconds > MAX_EXPIRY_S)) {
      throw new UsageError("--expires: want 1s to 36500d; without it the key works for ever");
    }
    const expireTime = seconds === undefined ? null : new Date(Date.now() + seconds * 1000);
    const text = await withDatabase(invocation, "command", ({ database }) =>
      database.transaction(invocation.signal, async (tx) => {
        const caller = commandCaller(await tenantNamed(tx, tenant));
        return (await issueApiKey(tx, caller, COMMAND_ORIGIN, { name, scopes: wanted, expireTime })).text;
      }),
    );
    invocation.print(text);
  },
};

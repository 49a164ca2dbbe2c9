// `key create`: creates an API key and prints it once.
import { SCOPES } from "../domain/identity/principal.ts";
import { issueApiKey } from "../services/api-keys/issue.ts";
import { type Invocation, UsageError } from "./command.ts";
import { COMMAND_ORIGIN, commandCaller, secondsOf, tenantNamed } from "./command-caller.ts";
import { withDatabase } from "./with-database.ts";

/** As in the contract, for ApiKey.display_name. */
const MAX_NAME = 200;
/** A hundred years. */
const MAX_EXPIRY_S = 36_500 * 24 * 60 * 60;

export async function run(invocation: Invocation): Promise<void> {
  const { tenant = "default", scopes = "", name = "", expires } = invocation.options as Record<string, string>;
  const words = scopes.split(",").map((word) => word.trim());
  const wanted = SCOPES.filter((scope) => words.includes(scope));
  if (wanted.length === 0 || words.some((word) => !SCOPES.some((scope) => scope === word))) {
    throw new UsageError(`--scopes: must be one or more of ${SCOPES.join(",")}`);
  }
  if ([...name].length > MAX_NAME) throw new UsageError(`--name: must be at most ${MAX_NAME} characters`);
  const seconds = expires === undefined ? undefined : secondsOf("expires", expires);
  if (seconds !== undefined && (seconds < 1 || seconds > MAX_EXPIRY_S)) {
    throw new UsageError("--expires: must be 1s to 36500d; omit it for a key without expiry");
  }
  const expireTime = seconds === undefined ? null : new Date(Date.now() + seconds * 1000);
  const text = await withDatabase(invocation, "command", ({ database }) =>
    database.transaction(invocation.signal, async (tx) => {
      const caller = commandCaller(await tenantNamed(tx, tenant));
      return (await issueApiKey(tx, caller, COMMAND_ORIGIN, { name, scopes: wanted, expireTime })).text;
    }),
  );
  invocation.print(text);
}

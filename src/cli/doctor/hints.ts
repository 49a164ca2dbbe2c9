// Checks the transport of hints by signing in as a server does.
import type { Config } from "../../config/config.ts";
import { type Finding, ok, reasonOf, warn } from "./finding.ts";

export async function checkHints({ hints }: Config): Promise<Finding[]> {
  if (typeof hints === "string") return [];
  const { host } = new URL(hints.nats);
  const { connectNats } = await import("../../live/hints/nats.ts");
  try {
    const connection = await connectNats(hints.nats, { reconnect: false });
    await connection.close();
    return [ok("hints", `NATS takes connections at ${host}`)];
  } catch (error) {
    const problem = `NATS cannot be used at ${host} (${reasonOf(error)})`;
    return [warn("hints", `${problem}: subscribers on other servers wait up to 2 s`)];
  }
}

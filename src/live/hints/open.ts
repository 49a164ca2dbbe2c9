// Opens the hints of this server, with the configured transport.
import type { Logger } from "pino";
import { warnSparingly } from "../../telemetry/warn-rarely.ts";
import { createHints, type Hints } from "./hints.ts";
import { createNatsHints } from "./nats.ts";
import { createPostgresHints } from "./postgres.ts";

const SWALLOWED =
  "LISTEN seems not to reach PostgreSQL: nothing came back in time, as behind a pooler in transaction mode. While that is so, subscribers on other servers wait up to 2 s; set COLLOQUY_DATABASE_DIRECT_URL to PostgreSQL itself";

/** @param url the database, for the `postgres` transport; undefined: LISTEN works nowhere, because of a pooler */
export function openHints(
  setting: "local" | "postgres" | "off" | { readonly nats: string },
  url: string | undefined,
  logger: Logger,
): Promise<Hints> {
  const onError = warnSparingly(logger, "lost the connection for hints: subscribers poll until it is back");
  const onLost = () => logger.debug("a batch of hints was lost");
  if (setting === "off") return createHints({ enabled: false });
  if (setting === "local") return createHints();
  if (setting === "postgres" && url === undefined) {
    logger.warn(
      "LISTEN does not pass a pooler in transaction mode: subscribers on other servers wait up to 2 s; set COLLOQUY_DATABASE_DIRECT_URL, or COLLOQUY_HINTS to a NATS server",
    );
    return createHints();
  }
  const carrier =
    setting === "postgres"
      ? createPostgresHints({ url: url ?? "", onError, onSwallowed: () => logger.warn(SWALLOWED) })
      : createNatsHints({ url: setting.nats, onError });
  return createHints({ carrier, onLost });
}

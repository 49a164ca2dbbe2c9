// Opens the hints of this server, with the configured transport.
import type { Logger } from "pino";
import { warnSparingly } from "../../telemetry/warn-rarely.ts";
import { createHints, type Hints } from "./hints.ts";
import { createNatsHints } from "./nats.ts";
import { createPostgresHints } from "./postgres.ts";

/** @param url the database, for the `postgres` transport */
export function openHints(
  setting: "local" | "postgres" | "off" | { readonly nats: string },
  url: string,
  logger: Logger,
): Promise<Hints> {
  const onError = warnSparingly(logger, "lost the connection for hints: subscribers poll until it is back");
  const onLost = () => logger.debug("a batch of hints was lost");
  if (setting === "off") return createHints({ enabled: false });
  if (setting === "local") return createHints();
  const carrier =
    setting === "postgres" ? createPostgresHints({ url, onError }) : createNatsHints({ url: setting.nats, onError });
  return createHints({ carrier, onLost });
}

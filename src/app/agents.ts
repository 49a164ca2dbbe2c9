// Builds the connectors to agents, and the engine that runs turns.
import type { Logger } from "pino";
import { createConnectors } from "../agents/connectors/connectors.ts";
import { connectorsWithFiles } from "../agents/connectors/stored-files.ts";
import { tracedConnectors } from "../agents/connectors/traced.ts";
import type { Sealer } from "../agents/secrets/sealing.ts";
import { openSealer } from "../agents/secrets/sealing-key.ts";
import { createTurns, type Turns } from "../agents/turns/turns.ts";
import type { Config } from "../config/config.ts";
import { operatorKeys } from "../domain/secrets/operator-keys.ts";
import type { Tracing } from "../domain/tracing.ts";
import type { ByteStore } from "../files/byte-store.ts";
import type { Hints } from "../live/hints/hints.ts";
import { toMessage } from "../services/convert.ts";
import { leftTurn } from "../services/turns/left-turn.ts";
import type { Database } from "../store/database.ts";
import { createKeyRing } from "../store/keys/server-keys.ts";
import { showServer } from "../store/server-presence.ts";
import { warnSparingly } from "../telemetry/warn-rarely.ts";

export interface AgentParts {
  readonly database: Database;
  readonly bytes: ByteStore;
  /** Where it is. */
  readonly url: string | undefined;
  readonly hints: Hints;
  readonly config: Config;
  readonly log: Logger;
  readonly tracing: Tracing | undefined;
  /** Registers what to close at the stop. */
  readonly atStop: (what: string, end: () => Promise<unknown>) => void;
}

export async function openAgents({ database, bytes, url, hints, config, log, tracing, atStop }: AgentParts): Promise<{
  readonly sealer: Sealer;
  readonly turns: Turns;
}> {
  const { allowPrivate } = config.agents;
  const operator = operatorKeys(config.agents);
  const ring = createKeyRing(database, "sealing", operator);
  const sealer = await openSealer({ ring, dataDir: config.dataDir, operator });
  const extraHeaders = tracing && (() => tracing.headers());
  const plain = createConnectors({ sealer, allowPrivate, toMessage, extraHeaders, log });
  const given = connectorsWithFiles(plain, { database, bytes, ...config.files });
  const connectors = tracing === undefined ? given : tracedConnectors(given, tracing);
  atStop("connections to agents", () => connectors.close());
  const onError = warnSparingly(log, "lost the session that shows other servers that this one lives");
  const turns = createTurns({
    database,
    ...(url !== undefined && { present: (server: string) => showServer({ url, server, onError }) }),
    hints,
    connectors,
    log,
    taskOf: (place, row) => leftTurn(database, place, row),
  });
  atStop("replies of agents to be saved", () => turns.close());
  return { sealer, turns };
}

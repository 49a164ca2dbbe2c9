// Connects to the one of several hosts in a database URL that is suitable.
import type { Client, ClientConfig } from "pg";
import type { Hosts, WantedServer } from "../../domain/settings/database-hosts.ts";
import { OF_ROLE } from "./session.ts";

/** How long one host may take to answer, in milliseconds. */
const ANSWER_MS = 2_000;
/** How long an earlier host may take to answer after a later one that is suitable, in milliseconds. */
const PRECEDENCE_MS = 250;

/** Asks whether a server is suitable. */
export type Ask = (url: string, wanted: WantedServer) => Promise<boolean>;

/**
 * The first URL whose server is suitable. All are asked at once; an earlier one is waited for a moment longer, so that
 * connections go to one server even if two call themselves primary. Throws what the first one failed with, or
 * ENOTPRIMARY.
 */
export async function chooseHost({ urls, wanted = "any" }: Hosts, ask: Ask): Promise<string> {
  const answers = urls.map((url) => ask(url, wanted).then((good) => (good ? url : undefined)));
  const settled = answers.map((answer) => answer.catch(() => undefined));
  const found = Promise.any(settled.map((answer) => answer.then((url) => url ?? Promise.reject(new Error("none")))));
  const first = await found.catch(() => undefined);
  if (first === undefined) {
    await Promise.all(answers);
    throw Object.assign(new Error("no server of the URL takes changes"), { code: "08006" });
  }
  const late = new Promise<undefined>((resolve) => setTimeout(resolve, PRECEDENCE_MS));
  for (const answer of settled) {
    const url = await Promise.race([answer, late]);
    if (url !== undefined) return url;
  }
  return first;
}

const SUITABLE: Readonly<Record<WantedServer, string>> = {
  any: "true",
  primary: "not pg_catalog.pg_is_in_recovery()",
  // What a role sets is overridden.
  "read-write": `not pg_catalog.pg_is_in_recovery()
    and not (pg_catalog.current_setting('default_transaction_read_only') = 'on' and not ${OF_ROLE})`,
};

/** Asks over a connection of its own. `Base`: the client to use. */
export function askBy(Base: typeof Client, config: ClientConfig): Ask {
  return async (url, wanted) => {
    const client = new Base({
      ...config,
      connectionString: url,
      application_name: "colloquy hosts",
      connectionTimeoutMillis: ANSWER_MS,
      query_timeout: ANSWER_MS,
    });
    client.on("error", () => {});
    try {
      await client.connect();
      const { rows } = await client.query(`select ${SUITABLE[wanted]} as good`);
      return rows[0].good === true;
    } finally {
      void client.end().catch(() => {});
    }
  };
}

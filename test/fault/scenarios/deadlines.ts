// R10: a caller that gives a deadline has an answer when it has passed, and nothing goes on working for it.
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { createLogger } from "../../../src/telemetry/log.ts";
import { startOwnApp } from "../stage/app.ts";
import type { Tables } from "../stage/database.ts";
import { failureOf } from "../stage/outcome.ts";
import type { Random } from "../stage/random.ts";
import { watchStalls } from "../stage/stalls.ts";
import { type Clients, clientsOver, WIRES, type WireForm } from "../stage/wires.ts";
import { createConversations } from "../stage/writers.ts";
import type { Verdict } from "./scenario.ts";

export interface DeadlinesSize {
  readonly calls: number;
}

/** Longest after its deadline that an answer may come, in milliseconds in which the machine let this process run. */
const TOLERANCE_MS = 50;
/** What a machine with more work than cores is forgiven: one answer in twenty may be this late. */
const FORGIVEN_MS = 250;
const CALLERS = 12;
/**
 * After how many looks PostgreSQL must have ended what nobody waits for any more: 2 s, on a machine with time for them.
 */
const LOOKS = 200;

/** Calls against tables that somebody else has locked: no answer but the deadline's can come. */
export async function deadlines(tables: Tables, random: Random, { calls }: DeadlinesSize): Promise<Verdict> {
  const timed = new Map<string, { durationMs: number; at: number }>();
  const logger = createLogger({
    destination: {
      write(line) {
        const { requestId, durationMs } = JSON.parse(line);
        if (requestId !== undefined) timed.set(requestId, { durationMs, at: performance.now() });
      },
    },
  });
  const database = { applicationName: "deadlines", poolSize: 16 };
  await using app = await startOwnApp({ url: tables.url, database, logger });
  const { id: tenantId, headers } = await tables.tenant();
  const [conversationId = ""] = await createConversations(app.url, headers, 1);
  const findings: string[] = [];
  const answers: { readonly from: number; readonly to: number }[] = [];

  let late: number[] = [];
  const blocker = new pg.Client({ connectionString: tables.url });
  await blocker.connect();
  try {
    await blocker.query("begin");
    await blocker.query("select from conversation where tenant_id = $1 for update", [tenantId]);
    await blocker.query("lock table event in access exclusive mode");
    const stall = watchStalls();
    const clients = WIRES.map((wire) => clientsOver(wire, app.url, headers));
    const caller = async (chance: Random, count: number) => {
      for (let i = 0; i < count; i++) {
        const timeoutMs = chance.between(1, 500);
        const requestId = randomUUID();
        const why = await call(chance.pick(clients), chance, conversationId, timeoutMs, requestId);
        // From its headers to its end, as the server itself counts: what the machine takes to carry it is not in it.
        const { durationMs, at } = timed.get(requestId) ?? { durationMs: Number.POSITIVE_INFINITY, at: 0 };
        answers.push({ from: at - durationMs + timeoutMs, to: at });
        if (why !== "DEADLINE_EXCEEDED") findings.push(`a deadline of ${timeoutMs} ms was answered ${why}`);
      }
    };
    const share = Math.ceil(calls / CALLERS);
    await Promise.all(Array.from({ length: CALLERS }, () => caller(random.fork(), share)));
    late = answers.map(({ from, to }) => to - from - stall.within(from, to));
    stall.stop();
    const running = "select query from pg_stat_activity where application_name = 'deadlines' and state <> 'idle'";
    for (let looks = 0; looks < LOOKS && (await tables.sql(running)).length > 0; looks++) await delay(10);
    for (const { query } of await tables.sql(running)) findings.push(`it still runs in PostgreSQL: ${query}`);
  } finally {
    await blocker.end();
  }

  const [{ count } = {}] = await tables.sql("select count(*)::int from message where tenant_id = $1", [tenantId]);
  if (count !== 0) findings.push(`${count} messages were sent although PostgreSQL was told to cancel`);
  const { messages } = clientsOver("gRPC", app.url, headers);
  await messages.sendMessage({ conversationId, message: { content: "after" } });
  late.sort((a, b) => a - b);
  const tooLate = late.filter((ms) => ms > TOLERANCE_MS);
  const forgiven = tooLate.length <= late.length / 20 && (late.at(-1) ?? 0) <= FORGIVEN_MS;
  if (!forgiven) findings.push(`${tooLate.length} answers came up to ${late.at(-1)} ms after their deadline`);
  return {
    figures: {
      "calls with a deadline": late.length,
      "median ms after it": Math.round((late[late.length >> 1] ?? 0) * 10) / 10,
      "longest ms after it": Math.round(late.at(-1) ?? 0),
    },
    findings,
  };
}

/** Tells the server of the deadline, and waits for what it says: the client's own clock plays no part. */
async function call(
  clients: Clients,
  random: Random,
  conversationId: string,
  timeoutMs: number,
  requestId: string,
): Promise<string> {
  const headers = { ...timeoutHeader(clients.wire, timeoutMs), "x-request-id": requestId };
  const { conversations, events, messages } = clients;
  const message = { content: "blocked" };
  const asked = random.pick([
    () => messages.sendMessage({ conversationId, message }, { headers }),
    () => messages.batchSendMessages({ conversationId, messages: [message, message] }, { headers }),
    () => events.listEvents({ conversationId }, { headers }),
    () => conversations.deleteConversation({ conversationId }, { headers }),
  ]);
  return asked().then(
    () => "ok",
    (error) => failureOf(error).why,
  );
}

function timeoutHeader(wire: WireForm, timeoutMs: number): Record<string, string> {
  switch (wire) {
    case "gRPC":
    case "gRPC-Web":
      return { "grpc-timeout": `${timeoutMs}m` };
    case "REST":
      return { "x-server-timeout": String(timeoutMs / 1000) };
    default:
      return { "connect-timeout-ms": String(timeoutMs) };
  }
}

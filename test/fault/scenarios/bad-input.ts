// R5: whatever is sent, the answer is one that the contract documents, and nothing ends or hangs.
import { ownServices } from "../../support/servers/contract.ts";
import type { Known } from "../fuzz/almost.ts";
import { createAsker } from "../fuzz/ask.ts";
import { judge } from "../fuzz/judge.ts";
import { drawRequest, type FuzzRequest } from "../fuzz/requests.ts";
import { startOwnApp } from "../stage/app.ts";
import type { Tables } from "../stage/database.ts";
import type { Random } from "../stage/random.ts";
import { patientClients } from "../stage/wires.ts";
import type { Verdict } from "./scenario.ts";

export interface BadInputSize {
  readonly requests: number;
}

const CALLERS = 16;
const MAX_FINDINGS = 20;
/** Streams that last are asked elsewhere; and a key that revokes itself asks nothing more. */
const ELSEWHERE = ["Subscribe", "SubscribeAll", "Chat", "ResumeTurn", "RevokeApiKey", "RotateApiKey"];
const METHODS = ownServices.flatMap(({ methods }) => methods).filter(({ name }) => !ELSEWHERE.includes(name));

/** Asks whatever server runs there for what is almost right. Given its own app: it is started here. */
export async function badInput(tables: Tables, random: Random, { requests }: BadInputSize): Promise<Verdict> {
  await using app = await startOwnApp({ url: tables.url });
  const { headers, id } = await tables.tenant();
  const callers = await startBadCallers(app.url, headers, id, random, CALLERS);
  await callers.run(({ asked }) => asked < requests);
  // It still serves the others.
  await patientClients(app.url, headers).conversations.listConversations({});
  return callers.verdict();
}

/** Callers that ask until they are told that it is enough. */
export async function startBadCallers(
  url: string,
  headers: Readonly<Record<string, string>>,
  tenantId: string,
  random: Random,
  count: number,
) {
  const known = await makeKnown(url, headers, tenantId);
  const credential = (headers.authorization ?? "").replace("Bearer ", "");
  const findings: string[] = [];
  const reasons = new Map<string, number>();
  const state = { asked: 0 };
  const call = async (chance: Random, goOn: (so: typeof state) => boolean) => {
    const asker = createAsker(url);
    while (goOn(state) && findings.length < MAX_FINDINGS) {
      state.asked++;
      const request = drawRequest(METHODS, chance, known, credential);
      const { fault, reason } = judge(request, await asker.ask(request));
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      if (fault !== undefined) findings.push(`${fault} to ${describe(request)}`);
    }
    asker.close();
  };
  return {
    async run(goOn: (so: typeof state) => boolean): Promise<void> {
      await Promise.all(Array.from({ length: count }, () => call(random.fork(), goOn)));
    },
    verdict: (): Verdict => ({
      figures: { "inputs tried": state.asked, "inputs taken": reasons.get("ok") ?? 0 },
      findings,
    }),
  };
}

function describe({ http, verb, path, headers, body, tongue, method }: FuzzRequest): string {
  const shown = Object.entries(headers).filter(([name]) => name !== "authorization");
  return `${verb} ${path.slice(0, 300)} (${tongue}, HTTP/${http}, ${method}, ${JSON.stringify(Object.fromEntries(shown))}) ${JSON.stringify(body.toString("latin1").slice(0, 400))}`;
}

async function makeKnown(url: string, headers: Readonly<Record<string, string>>, tenantId: string): Promise<Known> {
  const { conversations, events, messages } = patientClients(url, headers);
  const made = await Promise.all(Array.from({ length: 3 }, () => conversations.createConversation({})));
  const ids = made.map(({ conversation }) => conversation?.id ?? "");
  const sent = await messages.batchSendMessages({
    conversationId: ids[0] ?? "",
    messages: Array.from({ length: 5 }, (_, i) => ({ content: `message ${i}` })),
  });
  const pages = [
    (await messages.listMessages({ conversationId: ids[0] ?? "", pageSize: 1 })).nextPageToken,
    (await conversations.listConversations({ pageSize: 1 })).nextPageToken,
    (await events.listEvents({ conversationId: ids[0] ?? "", pageSize: 1 })).nextPageToken,
  ];
  return {
    ids: [...ids, ...sent.messages.map(({ id }) => id), tenantId],
    pageTokens: pages,
    etags: ["1.0", "1.5", "1"],
  };
}

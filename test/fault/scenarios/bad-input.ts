// R5: whatever is sent, the answer is one that the contract documents, and nothing ends or hangs.
import { Agent, request as askHttp1 } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import { ownServices } from "../../support/contract.ts";
import type { Known } from "../fuzz/almost.ts";
import { type FuzzAnswer, judge } from "../fuzz/judge.ts";
import { drawRequest, type FuzzRequest } from "../fuzz/requests.ts";
import { startOwnApp } from "../stage/app.ts";
import type { Tables } from "../stage/database.ts";
import type { Random } from "../stage/random.ts";
import { clientsOver } from "../stage/wires.ts";
import type { Verdict } from "./scenario.ts";

export interface BadInputSize {
  readonly requests: number;
}

/** A call that has no answer after this long hangs. */
const HANGS_MS = 15_000;
const CALLERS = 16;

export async function badInput(tables: Tables, random: Random, { requests }: BadInputSize): Promise<Verdict> {
  const logged: string[] = [];
  await using app = await startOwnApp({ url: tables.url });
  const { headers, id: tenantId } = await tables.tenant();
  const known = await makeKnown(app.url, headers, tenantId);
  // Streams that last are asked elsewhere; and a key that revokes itself asks nothing more.
  const methods = ownServices
    .flatMap((service) => service.methods)
    .filter(
      ({ name }) => !["Subscribe", "SubscribeAll", "Chat", "ResumeTurn", "RevokeApiKey", "RotateApiKey"].includes(name),
    );
  const credential = (headers.authorization ?? "").replace("Bearer ", "");
  const findings: string[] = [];
  const reasons = new Map<string, number>();
  const agent = new Agent({ keepAlive: true, maxSockets: CALLERS });
  const caller = async (chance: Random, count: number) => {
    let session = openSession(app.url);
    for (let i = 0; i < count && findings.length < 20; i++) {
      if (session.closed || session.destroyed) session = openSession(app.url);
      const request = drawRequest(methods, chance, known, credential);
      const answer =
        request.http === "2" ? await askHttp2(session, request) : await askOverHttp1(app.url, request, agent);
      const { fault, reason } = judge(request, answer);
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      if (fault !== undefined) findings.push(`${fault} to ${describe(request)}`);
    }
    session.destroy();
  };
  await Promise.all(Array.from({ length: CALLERS }, () => caller(random.fork(), Math.ceil(requests / CALLERS))));
  agent.destroy();
  const { conversations } = clientsOver("gRPC", app.url, headers);
  await conversations.listConversations({});
  const count = [...reasons.values()].reduce((sum, n) => sum + n, 0);
  return {
    figures: { "inputs on the wire": count, "of them taken": reasons.get("ok") ?? 0, "kinds of answer": reasons.size },
    findings: [...findings, ...logged],
  };
}

function describe({ http, verb, path, headers, body, tongue, method }: FuzzRequest): string {
  const shown = Object.entries(headers).filter(([name]) => name !== "authorization");
  return `${verb} ${path.slice(0, 300)} (${tongue}, HTTP/${http}, ${method}, ${JSON.stringify(Object.fromEntries(shown))}) ${JSON.stringify(body.toString("latin1").slice(0, 400))}`;
}

async function makeKnown(url: string, headers: Readonly<Record<string, string>>, tenantId: string): Promise<Known> {
  const { conversations, messages } = clientsOver("gRPC", url, headers);
  const made = await Promise.all(Array.from({ length: 3 }, () => conversations.createConversation({})));
  const ids = made.map(({ conversation }) => conversation?.id ?? "");
  const sent = await messages.batchSendMessages({
    conversationId: ids[0] ?? "",
    messages: Array.from({ length: 5 }, (_, i) => ({ content: `message ${i}` })),
  });
  const pages = [
    (await messages.listMessages({ conversationId: ids[0] ?? "", pageSize: 1 })).nextPageToken,
    (await conversations.listConversations({ pageSize: 1 })).nextPageToken,
    (await conversations.listEvents({ conversationId: ids[0] ?? "", pageSize: 1 })).nextPageToken,
  ];
  return {
    ids: [...ids, ...sent.messages.map(({ id }) => id), tenantId],
    pageTokens: pages,
    etags: ["1.0", "1.5", "1"],
  };
}

function openSession(url: string): ClientHttp2Session {
  const session = connect(url);
  session.on("error", () => {});
  return session;
}

const NOTHING: FuzzAnswer = { status: 0, headers: {}, trailers: {}, body: Buffer.alloc(0) };

function askHttp2(session: ClientHttp2Session, { verb, path, headers, body }: FuzzRequest): Promise<FuzzAnswer> {
  return new Promise((resolve) => {
    let answer = { ...NOTHING };
    const chunks: Buffer[] = [];
    const sent = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== "expect"));
    const request = session.request({ ":method": verb, ":path": path, ...sent }, { endStream: body.length === 0 });
    const patience = setTimeout(() => request.close(), HANGS_MS);
    request.on("response", (head) => {
      answer = { ...answer, status: Number(head[":status"]), headers: head as Record<string, string> };
    });
    request.on("trailers", (trailers) => {
      answer = { ...answer, trailers: trailers as Record<string, string> };
    });
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", () => {});
    request.on("close", () => {
      clearTimeout(patience);
      resolve({ ...answer, body: Buffer.concat(chunks) });
    });
    if (body.length > 0) request.end(body);
  });
}

function askOverHttp1(url: string, { verb, path, headers, body }: FuzzRequest, agent: Agent): Promise<FuzzAnswer> {
  return new Promise((resolve) => {
    const request = askHttp1(new URL(url), {
      method: verb,
      path,
      agent,
      headers: { ...headers, ...(verb !== "GET" && verb !== "HEAD" && { "content-length": body.length }) },
    });
    request.setTimeout(HANGS_MS, () => request.destroy());
    request.on("error", () => resolve(NOTHING));
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", () => resolve(NOTHING));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers as Record<string, string>,
          trailers: response.trailers as Record<string, string>,
          body: Buffer.concat(chunks),
        }),
      );
    });
    request.end(verb === "GET" || verb === "HEAD" ? undefined : body);
  });
}

// What a dialect costs beside the canonical REST calls that do the same.
import { idOf, LONG, MESSAGES_EACH } from "../layout.ts";
import { type Http1Load, http1 } from "../load.ts";
import { brief, type Contestant, compare, type Measured } from "../measure.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";

const CONNECTIONS = 32;
const ITEMS = 100;
/** Of the entries that are items. Lists of messages alone are read from memory, which no list of items is. */
const KINDS = "MESSAGE REASONING TOOL_CALL TOOL_RESULT APPROVAL_REQUEST APPROVAL_RESPONSE ITEM SUMMARY"
  .split(" ")
  .map((kind) => `kinds=MESSAGE_KIND_${kind}`)
  .join("&");
/** Members for assistant, whose ids are those of conversations: it lets nobody make more than 100 calls a minute. */
const USERS = 1_000;
/** A member as helpdesk knows them. */
const USER_NUMBER = 1815;

type Asked = Pick<Http1Load, "method" | "path" | "body">;

interface Pair {
  readonly work: string;
  readonly as: "measured" | "admin";
  /** All of them together do what the dialect does in one. */
  readonly canonical: readonly Asked[];
  readonly dialect: Asked;
}

const get = (path: string): Asked => ({ method: "GET", path });
const post = (path: string, body: unknown): Asked => ({ method: "POST", path, body: JSON.stringify(body) });

function pairs(ticket: number): readonly Pair[] {
  const conversation = { title: "hello", agent: "bot", mode: "fast" };
  const messages = [
    { role: "user", content: "hello" },
    { role: "assistant", content: "hi" },
  ];
  return [
    {
      work: `callcenter: a conversation with its ${MESSAGES_EACH} messages`,
      as: "measured",
      canonical: [get("/v1/conversations/{id}"), post("/v1/messages:batchList", { conversation_ids: ["{id}"] })],
      dialect: get("/conversations/{id}"),
    },
    {
      work: `crm: ${MESSAGES_EACH} messages and their number`,
      as: "measured",
      canonical: [get(`/v1/conversations/{id}/messages?page_size=${MESSAGES_EACH}&include_total_size=true`)],
      dialect: get(`/v1/conversation/{id}/messages?page=1&per_page=${MESSAGES_EACH}`),
    },
    {
      work: "assistant: create a conversation of two messages",
      as: "admin",
      canonical: [
        post("/v1/conversations", {
          conversation: { ...conversation, owner_id: "{id}" },
          messages: messages.map(({ role, content }) => ({ role: `MESSAGE_ROLE_${role.toUpperCase()}`, content })),
          participant_ids: ["{id}"],
        }),
      ],
      dialect: post("/api/conversations", { userId: "{id}", title: "hello", agentId: "bot", mode: "fast", messages }),
    },
    {
      work: "helpdesk: a conversation by its number",
      as: "admin",
      canonical: [get(`/v1/conversations?number=${ticket}&page_size=1`)],
      dialect: get(`/desk/api/conversations/${ticket}`),
    },
    {
      work: "workorder: send a message",
      as: "measured",
      canonical: [post("/v1/conversations/{id}/messages", { content: "hello from the benchmark" })],
      dialect: post("/api/v2/conversations/{id}/messages", { body: "hello from the benchmark" }),
    },
    {
      work: `OpenAI: the last ${ITEMS} items of the long conversation`,
      as: "measured",
      canonical: [
        get(`/v1/conversations/${LONG}/messages?page_size=${ITEMS}&order=MESSAGE_ORDER_NEWEST_FIRST&${KINDS}`),
      ],
      dialect: get(`/openai/v1/conversations/conv_${LONG.replaceAll("-", "")}/items?limit=${ITEMS}`),
    },
  ];
}

export async function dialect(stage: Stage): Promise<Row[]> {
  const server = await stage.colloquy("colloquy with the dialects", {
    COLLOQUY_COMPAT: "callcenter,crm,assistant,helpdesk/desk,workorder,openai",
  });
  const loadOf = (asked: Asked, as: Pair["as"]): Http1Load => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${stage.token(as)}` };
    const numbers = [2, USERS] as const;
    return { ...asked, port: server.port, headers, numbers, connections: CONNECTIONS };
  };
  const ticket = post("/desk/api/conversations", { user_id: USER_NUMBER, agent: "bot", title: "hello" });
  const { data } = (await check(loadOf(ticket, "admin"))) as { data: { id: number } };
  const make = (n: number) =>
    check(loadOf({ method: "PUT", path: `/v1/members/${idOf("conversation", n)}`, body: "{}" }, "admin"));
  for (let from = 2; from <= USERS; from += CONNECTIONS) {
    await Promise.all(Array.from({ length: Math.min(CONNECTIONS, USERS + 1 - from) }, (_, n) => make(from + n)));
  }
  const rows: Row[] = [];
  for (const { work, as, canonical, dialect } of pairs(data.id)) {
    const contestant = async (name: string, asked: Asked) => {
      const load = loadOf(asked, as);
      await check(load);
      return { name, server, run: (seconds: number) => http1(load, seconds, stage.directory) };
    };
    const contestants: Contestant[] = [];
    for (const asked of canonical) {
      const part = canonical.length > 1 ? ` ${asked.method} ${asked.path.replace("{id}", "…")}` : "";
      contestants.push(await contestant(`canonical${part}`, asked));
    }
    contestants.push(await contestant("dialect", dialect));
    const measured = await compare(contestants, brief(stage.effort));
    const verdicts = [{ what: "time a call", value: timesOf(measured), atMost: 1.15, unit: " ×" }];
    rows.push({ goal: "–", work: `A dialect against canonical REST; ${work}`, measured, verdicts });
  }
  return rows;
}

/** The time of the last one's calls by that of all the others' together. */
function timesOf(measured: readonly Measured[]): number {
  const times = measured.map(({ amount }) => 1 / amount.median);
  const own = times.pop() ?? Number.NaN;
  return own / times.reduce((sum, time) => sum + time, 0);
}

async function check({ port, method, path, headers, body }: Http1Load): Promise<unknown> {
  const fill = (text: string) => text.replaceAll("{id}", idOf("conversation", 2));
  const url = `http://127.0.0.1:${port}${fill(path)}`;
  const response = await fetch(url, { method, headers, ...(body && { body: fill(body) }) });
  if (!response.ok) throw new Error(`${path} is answered with ${response.status}: ${await response.text()}`);
  return await response.json();
}

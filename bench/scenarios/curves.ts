// How the cost of a call grows with what there is: measured points, which the run draws.
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type Caller, createCaller } from "../caller.ts";
import type { Curve, Line } from "../curve.ts";
import { fill, POINTS, type Point } from "../curve-data.ts";
import { endWithThis, type Served } from "../process.ts";
import type { Row } from "../report.ts";
import { ROOT, type Stage } from "../stage.ts";
import type { Wanted } from "../subscribers.ts";
import { LIST_CONVERSATIONS, LIST_MESSAGES, PAGE } from "./depth.ts";

const GET = "/colloquy.v1.ConversationService/GetConversation";
const SEND = "/colloquy.v1.MessageService/SendMessage";
const FOLLOWERS = [1, 10, 100, 1_000];
const SENDS = 40;
/** How long each round of a point is, at least: processor time is known in steps of 10 ms. */
const ROUND_MICROS = 80_000;
const ROUNDS = 3;
/** What V8 compiles is no part of a call. */
const WARM_UP = 150;

interface Call {
  readonly name: string;
  readonly path: string;
  readonly body: (point: Point) => object;
}

const text = { content: "A message of a few words." };
const KINDS: readonly (Omit<Curve, "lines" | "y"> & { readonly calls: readonly Call[] })[] = [
  {
    name: "messages",
    title: "By the length of a conversation",
    x: "messages of the conversation",
    calls: [
      {
        name: `the newest ${PAGE}`,
        path: LIST_MESSAGES,
        body: ({ long }) => ({ conversationId: long, pageSize: PAGE, order: "MESSAGE_ORDER_NEWEST_FIRST" }),
      },
      {
        name: `${PAGE} from the middle`,
        path: LIST_MESSAGES,
        body: ({ long, size }) => ({ conversationId: long, pageSize: PAGE, afterSeq: String(Math.floor(size / 2)) }),
      },
      { name: "send", path: SEND, body: ({ long }) => ({ conversationId: long, message: text }) },
    ],
  },
  {
    name: "conversations",
    title: "By what a member has",
    x: "conversations of the member",
    calls: [
      { name: "list by creation", path: LIST_CONVERSATIONS, body: () => ({ pageSize: PAGE }) },
      {
        name: "list by activity",
        path: LIST_CONVERSATIONS,
        body: () => ({ pageSize: PAGE, order: "CONVERSATION_ORDER_LATEST_ACTIVITY_FIRST" }),
      },
      {
        name: "list with its total",
        path: LIST_CONVERSATIONS,
        body: () => ({ pageSize: PAGE, includeTotalSize: true }),
      },
    ],
  },
  {
    name: "participants",
    title: "By who takes part",
    x: "participants of the conversation",
    calls: [
      { name: "get the conversation", path: GET, body: ({ crowded }) => ({ conversationId: crowded }) },
      { name: "send", path: SEND, body: ({ crowded }) => ({ conversationId: crowded, message: text }) },
    ],
  },
];

const COST = "µs of processor time, server and PostgreSQL";

export async function curves(stage: Stage): Promise<Row[]> {
  await fill(stage.url);
  // A page that is kept would cost the same, however much lies around it.
  const server = await stage.colloquy("colloquy without kept pages", { COLLOQUY_CACHE_SIZE: "0" });
  const rows: Row[] = [];
  for (const { calls, ...kind } of KINDS) {
    const lines: Line[] = [];
    for (const { name, path, body } of calls) {
      const ofSizes = POINTS.map((point): Sized => {
        const caller = createCaller(server.port, stage.tokenOf(point.tenant));
        const asked = JSON.stringify(body(point));
        return { size: point.size, call: () => caller.send(path, asked), close: () => caller.close() };
      });
      lines.push({ name, points: await costs(stage, server, ofSizes) });
    }
    rows.push(rowOf({ ...kind, y: COST, lines }));
  }
  return [...rows, rowOf(await byFollowers(stage, server, POINTS[0] as Point)), rowOf(await byTenants(stage, server))];
}

/** A call where there is as much as `size`. */
interface Sized {
  readonly size: number;
  call(): Promise<{ readonly status: number }>;
  close(): void;
}

/**
 * Processor time of each call, in microseconds, whatever it is that makes them more expensive: the least of some
 * rounds, in which the sizes take turns, as other work on the machine only adds to it.
 */
async function costs(stage: Stage, server: Served, sized: readonly Sized[]): Promise<Line["points"]> {
  const least = sized.map(() => Number.POSITIVE_INFINITY);
  for (let call = 0; call < WARM_UP; call++) await succeed(sized[call % sized.length] as Sized);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, one] of sized.entries()) {
      const before = usedBy(stage, server);
      let calls = 0;
      while (usedBy(stage, server) - before < ROUND_MICROS) {
        await succeed(one);
        calls++;
      }
      least[index] = Math.min(least[index] ?? 0, (usedBy(stage, server) - before) / calls);
    }
  }
  for (const one of sized) one.close();
  return sized.map(({ size }, index) => [size, least[index] ?? Number.NaN]);
}

function usedBy(stage: Stage, server: Served): number {
  return server.cpuMicros() + stage.databaseCpuMicros();
}

/** Calls until it is not refused, as a busy machine may do. */
async function succeed({ call }: Pick<Sized, "call">): Promise<void> {
  for (;;) {
    const { status } = await call();
    if (status === 200) return;
    if (status !== 429 && status !== 503) throw new Error(`a call is answered with ${status}`);
  }
}

/** A send with the deliveries that follow from it. */
async function byFollowers(stage: Stage, server: Served, { tenant, long }: Point): Promise<Curve> {
  const token = stage.tokenOf(tenant);
  const caller = createCaller(server.port, token);
  const points: (readonly [number, number])[] = [];
  for (const followers of stage.sizes.name === "quick" ? FOLLOWERS.slice(0, 3) : FOLLOWERS) {
    const { conversation } = await caller.json<{ conversation: { lastSeq: string } }>(GET, { conversationId: long });
    const run = `curve-${followers}`;
    const subscribers = fork(join(ROOT, "bench/subscribers.ts"), { serialization: "advanced" });
    endWithThis(subscribers);
    const afterSeq = String(Number(conversation.lastSeq) - 1);
    const wanted: Wanted = {
      ...{ port: server.port, token, conversationId: long, afterSeq },
      ...{ subscribers: followers, run, count: SENDS },
    };
    subscribers.send(wanted);
    await once(subscribers, "message");
    const received = once(subscribers, "message");
    const before = usedBy(stage, server);
    for (let sent = 0; sent < SENDS; sent++) {
      const body = JSON.stringify({ conversationId: long, message: { content: `<~${sent}@${run}~>` } });
      await succeed({ call: () => caller.send(SEND, body) });
    }
    await received;
    points.push([followers, (usedBy(stage, server) - before) / SENDS]);
  }
  caller.close();
  const lines = [{ name: "send and deliveries", points }];
  return { name: "followers", title: "By who follows", x: "followers of the conversation", y: COST, lines };
}

/** Calls of as many tenants in turn. */
async function byTenants(stage: Stage, server: Served): Promise<Curve> {
  const sized = [1, 10, 100]
    .filter((count) => count <= stage.sizes.tenants)
    .map((tenants): Sized => {
      const callers = Array.from({ length: tenants }, (_, index) =>
        createCaller(server.port, stage.tokenOf(index + 1)),
      );
      let turn = 0;
      return {
        size: tenants,
        call: () => (callers[turn++ % tenants] as Caller).send(LIST_CONVERSATIONS, '{ "pageSize": 1 }'),
        close() {
          for (const caller of callers) caller.close();
        },
      };
    });
  const points = await costs(stage, server, sized);
  const lines = [{ name: "list of one conversation", points }];
  return { name: "tenants", title: "By how many call", x: "tenants that call in turn", y: COST, lines };
}

function rowOf(curve: Curve): Row {
  const notes = curve.lines.map(
    ({ name, points }) =>
      `${name}: ${points.map(([x, y]) => `${x.toLocaleString("en")} ${Math.round(y)} µs`).join(", ")}`,
  );
  return { goal: "–", work: `${curve.title}: ${curve.y}`, measured: [], verdicts: [], notes, curve };
}

// P7, P12 and pages by number: whether a page costs the same wherever it lies and however much lies around it.
import { setTimeout as sleep } from "node:timers/promises";
import { type Caller, createCaller } from "../caller.ts";
import { LONG } from "../layout.ts";
import { alternate, type Measured, ratio, type Timed } from "../measure.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";

export const LIST_MESSAGES = "/colloquy.v1.MessageService/ListMessages";
export const LIST_CONVERSATIONS = "/colloquy.v1.ConversationService/ListConversations";
export const PAGE = 50;

interface Page {
  readonly messages?: readonly unknown[];
  readonly conversations?: readonly unknown[];
  readonly data?: readonly unknown[];
  readonly nextPageToken?: string;
}

/** A call that is checked once: it gives a whole page. */
export async function page(name: string, caller: Caller, path: string, body?: object): Promise<Timed> {
  const found = await caller.json<Page>(path, body);
  const { length } = found.messages ?? found.conversations ?? found.data ?? [];
  if (length !== PAGE) throw new Error(`${name} has ${length} instead of ${PAGE}`);
  const text = body && JSON.stringify(body);
  return {
    name,
    async call() {
      for (;;) {
        const { status } = await caller.send(path, text);
        if (status === 200) return;
        // The machine is so busy that the server sheds single calls; the median does not notice.
        if (status !== 429 && status !== 503) throw new Error(`${name} is answered with ${status}`);
        await sleep(50);
      }
    },
  };
}

export async function measure(
  stage: Stage,
  timed: readonly Timed[],
  callers: readonly Caller[],
  calls = stage.sizes.name === "quick" ? 100 : 200,
): Promise<Measured[]> {
  try {
    return await alternate(timed, { rounds: stage.effort.repeats, calls });
  } finally {
    for (const caller of callers) caller.close();
  }
}

export async function p7(stage: Stage): Promise<Row> {
  const { port } = await stage.colloquy();
  const caller = createCaller(port, stage.token());
  const depth = Math.floor(stage.sizes.long * 0.9);
  const asked = { conversationId: LONG, pageSize: PAGE };
  const { nextPageToken } = await caller.json<Page>(LIST_MESSAGES, { ...asked, skip: depth - PAGE });
  const first = await page("the first page", caller, LIST_MESSAGES, asked);
  const deep = await page(
    `at depth ${depth.toLocaleString("en")}`,
    caller,
    ...[LIST_MESSAGES, { ...asked, skip: depth - PAGE, pageToken: nextPageToken }],
  );
  const measured = await measure(stage, [first, deep], [caller]);
  const verdicts = [{ what: "deep / first", value: ratio(measured, deep.name, first.name), atMost: 1.2 }];
  return { goal: "P7", work: "A page of 50 messages at depth, p50", measured, verdicts };
}

export async function p12(stage: Stage): Promise<Row> {
  const { port } = await stage.colloquy();
  const callers = [createCaller(port, stage.token("small")), createCaller(port, stage.token("large"))] as const;
  const [small, large] = [
    await page("of 100", callers[0], LIST_CONVERSATIONS, { pageSize: PAGE }),
    await page(`of ${stage.sizes.large.toLocaleString("en")}`, callers[1], LIST_CONVERSATIONS, { pageSize: PAGE }),
  ];
  const measured = await measure(stage, [small, large], callers);
  return {
    goal: "P12",
    work: `50 conversations of a member, in a tenant of 100 and in one of ${stage.sizes.large.toLocaleString("en")}, p50`,
    measured,
    verdicts: [{ what: "large / small", value: ratio(measured, large.name, small.name), atMost: 1.3 }],
  };
}

/** By cursor in our own API; by number in a dialect, which cannot do otherwise. */
export async function pages(stage: Stage): Promise<Row[]> {
  const { port } = await stage.colloquy("colloquy with crm", { COLLOQUY_COMPAT: "crm" });
  const caller = createCaller(port, stage.token("large"));
  const skipped = 10_000 - 2 * PAGE;
  const { nextPageToken } = await caller.json<Page>(LIST_CONVERSATIONS, { pageSize: PAGE, skip: skipped });
  const timed = [
    await page("first by cursor", caller, LIST_CONVERSATIONS, { pageSize: PAGE }),
    await page("last by cursor", caller, LIST_CONVERSATIONS, {
      ...{ pageSize: PAGE, skip: skipped, pageToken: nextPageToken },
    }),
    await page("first by number", caller, `/v1/conversation?page=1&per_page=${PAGE}`),
    await page("last by number", caller, `/v1/conversation?page=${10_000 / PAGE}&per_page=${PAGE}`),
  ];
  // A page by number counts all that the member owns.
  const measured = await measure(stage, timed, [caller], 20);
  return [
    {
      goal: "–",
      work: "Pages of 10,000 conversations, our own by cursor and crm's by number, p50",
      measured,
      verdicts: [
        { what: "cursor: last / first", value: ratio(measured, "last by cursor", "first by cursor"), atMost: 1.2 },
        { what: "number: last / first", value: ratio(measured, "last by number", "first by number"), atMost: 1.3 },
      ],
    },
  ];
}

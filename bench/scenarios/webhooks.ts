// What webhooks deliver, how late an event arrives, and what endpoints cost those who send.
import { setTimeout as sleep } from "node:timers/promises";
import { quantile, spreadOf } from "../measure.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";
import { setWebhookStage } from "../webhook-stage.ts";

const CONVERSATIONS = 50;
const MESSAGES = 200;
const PACED = 300;
const PACE_MS = 10;
const SENDERS = 8;
const SEND_MS = 1_500;
/** After the endpoints were paused or resumed. */
const SETTLE_MS = 400;
const PAIRS = 5;
const ROUNDS = 2;

export async function webhooks(stage: Stage): Promise<Row[]> {
  const { served, receiver, hooks, headers, register, conversation, send, remove, close } =
    await setWebhookStage(stage);

  /** Events a second of a backlog to one fast endpoint. */
  async function drain(batchSize: number): Promise<number> {
    const mode = `drain-${batchSize}-${Date.now()}`;
    const endpointId = await register(batchSize, mode);
    await hooks.pauseWebhookEndpoint({ endpointId }, { headers });
    for (let index = 0; index < CONVERSATIONS; index++) await conversation(mode, MESSAGES);
    receiver.events = 0;
    const begun = performance.now();
    await hooks.resumeWebhookEndpoint({ endpointId }, { headers });
    while (receiver.events < CONVERSATIONS * MESSAGES) await sleep(5);
    const seconds = (performance.now() - begun) / 1_000;
    await remove(endpointId);
    return (CONVERSATIONS * MESSAGES) / seconds;
  }

  /**
   * Milliseconds from the call of a sender until its answer and until the event is there, and from the answer, which
   * follows the commit, until the event is there: at 100 a second.
   */
  async function delays(): Promise<{ answered: number[]; received: number[]; afterCommit: number[] }> {
    const mode = `delay-${Date.now()}`;
    const endpointId = await register(1, mode);
    const ids = await Promise.all(Array.from({ length: 20 }, () => conversation(mode)));
    const paced = new Map<string, { begun: number; answered: number; received: number }>();
    let left = PACED;
    // A server takes a new endpoint up when it looks for those that nobody has: from its first event on it is measured.
    await new Promise<void>((resolve) => {
      receiver.onEvent = () => resolve();
      void send(ids[0] ?? "", "first");
    });
    // What came before was a crowd, in which deliveries give way.
    await sleep(SETTLE_MS);
    receiver.onEvent = (text, at) => {
      const one = paced.get(/"content":"(paced-\d+)"/.exec(text)?.[1] ?? "");
      if (one === undefined || one.received > 0) return;
      one.received = at;
      left--;
    };
    const sends: Promise<unknown>[] = [];
    const start = performance.now();
    for (let index = 0; index < PACED; index++) {
      await sleep(Math.max(0, start + index * PACE_MS - performance.now()));
      const content = `paced-${index}`;
      const one = { begun: performance.now(), answered: 0, received: 0 };
      paced.set(content, one);
      sends.push(
        send(ids[index % ids.length] ?? "", content).then(() => {
          one.answered = performance.now();
        }),
      );
    }
    await Promise.all(sends);
    while (left > 0) await sleep(5);
    receiver.onEvent = undefined;
    await remove(endpointId);
    const all = [...paced.values()];
    return {
      answered: all.map(({ begun, answered }) => answered - begun),
      received: all.map(({ begun, received }) => received - begun),
      afterCommit: all.map(({ answered, received }) => Math.max(received - answered, 0)),
    };
  }

  /**
   * Senders that go on all the time, with ten endpoints that are paused and resumed in turn: how many times as many
   * messages they get stored beside the endpoints, and how little processor time the server and PostgreSQL then use for
   * each.
   */
  async function besideSenders(): Promise<{ ratios: number[]; costs: number[] }> {
    const ids = await Promise.all(Array.from({ length: SENDERS }, () => conversation("send")));
    const made: string[] = [];
    for (let index = 0; index < 10; index++) made.push(await register(1, "send"));
    let [count, going] = [0, true];
    const write = async (conversationId: string) => {
      for (; going; count++) await send(conversationId, "hello");
    };
    const load = Promise.all(ids.map(write));
    const cpu = () => served.cpuMicros() + stage.databaseCpuMicros();
    const window = async (paused: boolean) => {
      const turn = paused ? hooks.pauseWebhookEndpoint : hooks.resumeWebhookEndpoint;
      await Promise.all(made.map((endpointId) => turn({ endpointId }, { headers })));
      await sleep(SETTLE_MS);
      const [sentBefore, cpuBefore, begun] = [count, cpu(), performance.now()];
      await sleep(SEND_MS);
      const sent = count - sentBefore;
      return { rate: sent / (performance.now() - begun), micros: (cpu() - cpuBefore) / sent };
    };
    await window(true);
    const [ratios, costs]: [number[], number[]] = [[], []];
    for (let pair = 0; pair < PAIRS; pair++) {
      // Whichever comes first: what else the machine does hits both alike.
      const first = await window(pair % 2 === 0);
      const second = await window(pair % 2 !== 0);
      const [alone, beside] = pair % 2 === 0 ? [first, second] : [second, first];
      ratios.push(beside.rate / alone.rate);
      costs.push(alone.micros / beside.micros);
    }
    going = false;
    await load;
    for (const endpointId of made) await remove(endpointId);
    return { ratios, costs };
  }

  try {
    const single: number[] = [];
    const batched: number[] = [];
    const late: number[] = [];
    const answered: number[] = [];
    const afterCommit: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      single.push(await drain(1));
      batched.push(await drain(100));
      const told = await delays();
      late.push(...told.received);
      answered.push(...told.answered);
      afterCommit.push(...told.afterCommit);
    }
    const { ratios, costs } = await besideSenders();
    const goal = "webhooks";
    const measured = (name: string, values: readonly number[], unit: string) => ({
      name,
      amount: spreadOf(values),
      unit,
    });
    return [
      {
        goal,
        work: "Events to one fast endpoint, in order",
        measured: [measured("one by one", single, "/s"), measured("batches of 100", batched, "/s")],
        verdicts: [
          { what: "one by one", value: spreadOf(single).median, atLeast: 500, unit: "/s" },
          { what: "batches of 100", value: spreadOf(batched).median, atLeast: 10_000, unit: "/s" },
        ],
      },
      {
        goal,
        work: "From the commit of a message to the receipt, 100 events a second",
        measured: [
          measured("from the answer to the sender", afterCommit, "ms"),
          measured("from its call", late, "ms"),
          measured("answer to the sender", answered, "ms"),
        ],
        verdicts: [{ what: "p99 from the answer", value: quantile(afterCommit, 0.99), atMost: 100, unit: " ms" }],
        notes: [
          `p99 from the call ${quantile(late, 0.99).toFixed(1)} ms, of the answers ${quantile(answered, 0.99).toFixed(1)} ms`,
        ],
      },
      {
        goal,
        work: "Senders with 10 endpoints against none",
        measured: [measured("ratio", ratios, "×"), measured("by processor time", costs, "×")],
        verdicts: [
          { what: "/ none", value: spreadOf(ratios).median, atLeast: 0.97, unit: "×" },
          { what: "processor time / none", value: spreadOf(costs).median, unit: "×" },
        ],
      },
    ];
  } finally {
    await close();
  }
}

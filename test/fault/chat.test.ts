// Turns whose server or database is killed at every stage: the conversation stays whole, and all text can be had again.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { MessageState } from "../../gen/colloquy/v1/message_pb.ts";
import { TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import type { ChatStep } from "../../src/client/chat.ts";
import { type ColloquyClient, createClient } from "../../src/client/index.ts";
import { TURN_TIMES } from "../../src/domain/turns/turn.ts";
import { administer, startTestCluster, type TestCluster } from "../support/postgres/postgres.ts";
import { runInProcess } from "../support/servers/command-in-process.ts";
import { type RunningServer, startServer } from "../support/servers/process.ts";
import { type FakeOpenAi, startFakeOpenAi } from "../support/services/agents.ts";
import { type CuttingProxy, startCuttingProxy } from "../support/services/cutting-proxy.ts";
import { childrenOf, suspend } from "./faults/processes.ts";

interface Running extends RunningServer {
  readonly url: string;
}

let cluster: TestCluster;
let openai: FakeOpenAi;
let dataDir: string;
let settings: Record<string, string>;
/** Those that run; all calls go to the first. */
const servers: Running[] = [];
let proxy: CuttingProxy;
let client: ColloquyClient;
let agents = 0;

beforeAll(async () => {
  [cluster, openai] = await Promise.all([startTestCluster(), startFakeOpenAi()]);
  dataDir = await mkdtemp(join(tmpdir(), "colloquy-chat-"));
  settings = {
    DATABASE_URL: cluster.url,
    PORT: "0",
    LOG_LEVEL: "fatal",
    COLLOQUY_DATA_DIR: dataDir,
    COLLOQUY_COMPAT: "",
    COLLOQUY_AGENT_PRIVATE: "yes",
    COLLOQUY_RATE_LIMITS: "off",
  };
  await runInProcess(["migrate"], settings);
  await standBy();
  const { stdout } = await runInProcess(["key", "create", "--scopes", "read,write,admin"], settings);
  proxy = await startCuttingProxy(() => (servers[0] as Running).url);
  client = createClient({ baseUrl: proxy.url, apiKey: stdout.trim() });
});
afterAll(async () => {
  await proxy?.close();
  for (const server of servers ?? []) server.signal("SIGKILL");
  await Promise.all([openai?.close(), cluster?.stop()]);
  await rm(dataDir, { recursive: true, force: true });
});

/** Two servers run. Those that a hook starts end with the file. */
async function standBy(): Promise<void> {
  const missing = Array.from({ length: 2 - servers.length }, async () => {
    const server = startServer(settings);
    servers.push({ ...server, url: /http:\/\/\S+/.exec(await server.ready)?.[0] ?? "" });
  });
  await Promise.all(missing);
}

/** A reply of two words that waits at a place until it is let on. */
let stage: {
  readonly at: "beginning" | "middle" | "end";
  reached: PromiseWithResolvers<void>;
  go: PromiseWithResolvers<void>;
};
beforeEach(() => {
  openai.answer = async (call) => {
    const wait = async (here: typeof stage.at) => {
      if (here !== stage.at) return;
      stage.reached.resolve();
      await stage.go.promise;
    };
    await wait("beginning");
    call.say("one ");
    await wait("middle");
    call.say("two");
    await wait("end");
    call.finish();
  };
});

/** The one with all tests, after which a server is gone, is the last. */
const STAGES = ["beginning", "end", "middle"] as const;
const SAID = { beginning: "", middle: "one ", end: "one two" } as const;

async function begin(at: (typeof STAGES)[number]) {
  stage = { at, reached: Promise.withResolvers(), go: Promise.withResolvers() };
  const name = `agent ${++agents}`;
  const connector = { case: "openai", value: { baseUrl: openai.url, model: "m" } } as const;
  await client.agents.createAgent({ agent: { name, connector, idleTimeout: { seconds: 60n } } });
  const made = await client.conversations.createConversation({ conversation: { agent: name } });
  const conversationId = made.conversation?.id ?? "";
  const steps: ChatStep[] = [];
  const reading = (async () => {
    for await (const step of client.chat({ conversationId, content: "hi", backoff: { initialMs: 20, maxMs: 200 } })) {
      steps.push(step);
    }
  })();
  reading.catch(() => {});
  await stage.reached.promise;
  await expect.poll(() => textOf(steps)).toBe(SAID[at]);
  return { conversationId, steps, reading };
}

function textOf(steps: readonly ChatStep[]): string {
  let text = "";
  for (const step of steps) {
    if (step.kind === "delta") text = [...text].slice(0, Number(step.offset)).join("") + step.text;
  }
  return text;
}

async function stored(conversationId: string) {
  const { messages } = await client.messages.listMessages({ conversationId });
  return messages.map(({ content, state }) => [content, state]);
}

const { COMPLETE, FAILED } = MessageState;

describe.each(STAGES)("at the %s of a reply", (at) => {
  beforeAll(standBy);

  test("its caller's line is cut: the client goes on by itself and misses nothing", async () => {
    const { conversationId, steps, reading } = await begin(at);
    proxy.cut();
    stage.go.resolve();
    await reading;
    expect(textOf(steps)).toBe("one two");
    expect(steps.map(({ kind }) => kind).filter((kind) => kind !== "delta")).toEqual(["started", "ended"]);
    expect(steps.at(-1)).toMatchObject({ turn: { state: TurnState.COMPLETE }, reply: { content: "one two" } });
    expect(await stored(conversationId)).toEqual([
      ["hi", COMPLETE],
      ["one two", COMPLETE],
    ]);
  });

  test("its agent dies: what was said is kept", async () => {
    const { conversationId, steps, reading } = await begin(at);
    for (const { response } of openai.calls) response.destroy();
    stage.go.resolve();
    await reading;
    // Before the first word there is a second try, which nothing holds back now.
    const said = at === "beginning" ? "one two" : SAID[at];
    expect(textOf(steps)).toBe(said);
    const state = at === "beginning" ? COMPLETE : FAILED;
    expect(await stored(conversationId)).toEqual([
      ["hi", COMPLETE],
      [said, state],
    ]);
  });

  // Longer than a server is believed to live that does not renew its turn: at one stage, as above.
  test.runIf(at === "middle" || process.env.TORTURE === "1")(
    "its database stands still: no other server takes the turn for abandoned when it goes on",
    async () => {
      const { conversationId, steps, reading } = await begin(at);
      await suspend([cluster.pid, ...childrenOf(cluster.pid)], 1.5 * TURN_TIMES.leaseMs);
      stage.go.resolve();
      await reading;
      expect(steps.at(-1)).toMatchObject({ kind: "ended", turn: { state: TurnState.COMPLETE } });
      expect(textOf(steps)).toBe("one two");
      expect(await stored(conversationId)).toEqual([
        ["hi", COMPLETE],
        ["one two", COMPLETE],
      ]);
    },
    40_000,
  );

  test.runIf(at === "middle" || process.env.TORTURE === "1")(
    "its server stands still: no other takes the turn for abandoned, and it goes on",
    async () => {
      const { conversationId, steps, reading } = await begin(at);
      await suspend([(servers[0] as Running).pid], 2 * TURN_TIMES.leaseMs);
      stage.go.resolve();
      await reading;
      expect(steps.at(-1)).toMatchObject({ kind: "ended", turn: { state: TurnState.COMPLETE } });
      expect(textOf(steps)).toBe("one two");
      expect(await stored(conversationId)).toEqual([
        ["hi", COMPLETE],
        ["one two", COMPLETE],
      ]);
    },
    40_000,
  );

  test("its database is killed: the turn goes on, and is written when it is back", async () => {
    const { conversationId, steps, reading } = await begin(at);
    process.kill(cluster.pid, "SIGKILL");
    stage.go.resolve();
    await reading;
    const last = steps.at(-1);
    expect(last?.kind).toBe("ended");
    const [, reply] = await stored(conversationId);
    const ended = last?.kind === "ended" ? last : undefined;
    // On a database that was away for longer than a turn is believed to live, it has failed; never is a word lost of
    // it.
    if (ended?.turn.state === TurnState.COMPLETE) expect(reply).toEqual(["one two", COMPLETE]);
    expect(textOf(steps)).toBe(reply?.[0] ?? "");
    expect(ended?.reply?.content ?? "").toBe(reply?.[0] ?? "");
  }, 120_000);

  // The last of its stage. Until another believes it dead takes seconds: at one stage each time, at all of them in the
  // torture runs.
  test.runIf(at === "middle" || process.env.TORTURE === "1")(
    "its server is killed: another finds the turn soon after its lease is over, with what was said",
    async () => {
      const { conversationId, steps, reading } = await begin(at);
      const asked =
        "select text, lease_time < clock_timestamp() as over from turn where conversation_id = $1::uuid and state in (1, 2)";
      const look = async () => (await administer(cluster.url, asked, [conversationId]))[0];
      await expect.poll(async () => (await look())?.text).toBe(SAID[at]);
      servers.shift()?.signal("SIGKILL");
      // As often as a server looks for turns whose lease is over; together with the lease itself that is 10 s.
      let looks = 0;
      for (let turn = await look(); turn !== undefined; turn = await look()) {
        if (turn.over === true) looks++;
        await delay(TURN_TIMES.sweepEveryMs);
      }
      expect(looks).toBeLessThanOrEqual((10_000 - TURN_TIMES.leaseMs) / TURN_TIMES.sweepEveryMs);
      await reading;
      stage.go.resolve();
      const last = steps.at(-1);
      expect(last).toMatchObject({ kind: "ended", turn: { state: TurnState.FAILED } });
      expect(textOf(steps)).toBe(SAID[at]);
      const expected = [["hi", COMPLETE], ...(SAID[at] === "" ? [] : [[SAID[at], FAILED]])];
      expect(await stored(conversationId)).toEqual(expected);
    },
    40_000,
  );
});

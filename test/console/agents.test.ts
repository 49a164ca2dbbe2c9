// The console's views of agents and turns, in Chromium: create one, talk to it, and see what went wrong.
import { fromBinary } from "@bufbuild/protobuf";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import type { Turn } from "../../gen/colloquy/v1/turn_pb.ts";
import { GetTurnResponseSchema, TurnService } from "../../gen/colloquy/v1/turn_service_pb.ts";
import { HAS_CHROMIUM } from "../support/fronts/browser.ts";
import { type ConsoleStage, obstacles, startConsole } from "../support/fronts/console.ts";
import { type FakeOpenAi, type OpenAiCall, startFakeOpenAi } from "../support/services/agents.ts";

const HOSTILE = '<img src=x onerror="globalThis.broken = 1">';

describe.skipIf(!HAS_CHROMIUM)("agents", () => {
  let stage: ConsoleStage;
  let model: FakeOpenAi;
  beforeAll(async () => {
    model = await startFakeOpenAi();
    stage = await startConsole({ environment: { COLLOQUY_AGENT_PRIVATE: "yes" } });
    const agents = stage.server.client(AgentService, await stage.tenant.token("ada", "admin"));
    await agents.createAgent({ agent: { name: "helper", connector: { case: "echo", value: {} } } });
    const connector = { case: "openai", value: { baseUrl: `${model.url}/v1`, model: "m-1" } } as const;
    await agents.createAgent({ agent: { name: "broken", description: HOSTILE, connector } });
  });
  afterAll(async () => {
    await stage?.close();
    await model?.close();
  });

  const say = async (page: Page, content: string) => {
    await page.getByLabel("Message", { exact: true }).fill(content);
    await page.keyboard.press("Enter");
  };

  /** Begins turns that have begun to write, and end with `finish` of their calls. */
  const heldTurn = async () => {
    const calls: OpenAiCall[] = [];
    model.answer = (call) => {
      calls.push(call);
      call.say("Once upon a time");
    };
    const turns = stage.server.client(TurnService, await stage.tenant.token("ada", "admin"));
    const createTurn = async () => {
      const { turn } = await turns.createTurn({ agent: "broken", messages: [{ content: "Tell me" }] });
      await expect.poll(() => calls.length).toBe(1);
      return turn as Turn;
    };
    return { calls, createTurn };
  };

  test("an administrator creates one, and changes it", async () => {
    const page = await stage.open("/agents");
    await page.getByRole("button", { name: "New agent" }).click();
    const form = page.getByRole("dialog");
    await form.getByLabel("Name").fill("made here");
    await form.getByLabel("Reached by").selectOption("Echo");
    await form.getByRole("button", { name: "Create" }).click();
    await page.getByRole("heading", { name: "made here" }).waitFor();
    await page.getByRole("button", { name: "Edit", exact: true }).click();
    await form.getByLabel("Description").fill("Says it again");
    await form.getByRole("button", { name: "Save" }).click();
    await page.getByText("Says it again").waitFor();
  });

  test("a fault of the form stays in it, with what was written and the request id", async () => {
    const page = await stage.open("/agents");
    await page.getByRole("button", { name: "New agent" }).click();
    const form = page.getByRole("dialog");
    await form.getByLabel("Name").fill("helper");
    await form.getByLabel("Reached by").selectOption("Echo");
    await form.getByRole("button", { name: "Create" }).click();
    await form.getByRole("alert").getByText("Request id").waitFor();
    expect(await form.getByLabel("Name").inputValue()).toBe("helper");
  });

  test("one talks to it and sees the turn: what was asked, what came, how long it took", async () => {
    const page = await stage.open("/agents");
    await page.getByRole("link", { name: "helper" }).click();
    await say(page, `Hello ${HOSTILE}`);
    const log = page.getByRole("list", { name: "Messages" });
    await expect.poll(() => log.getByText(`Hello ${HOSTILE}`).count(), { timeout: 20_000 }).toBe(2);
    await page.getByText("Complete").first().waitFor();
    await page.getByRole("link", { name: "Turn", exact: true }).click();
    await page.getByRole("heading", { name: "What came" }).waitFor();
    await expect.poll(() => page.getByText(`Hello ${HOSTILE}`).count(), { timeout: 20_000 }).toBe(2);
    await page.getByRole("link", { name: "helper" }).click();
    await page.getByRole("img", { name: /Duration of each turn/ }).waitFor();
    expect(await page.evaluate("globalThis.broken")).toBeUndefined();
  });

  test("a failure says what the endpoint said, in the table of the agent and in the turn", async () => {
    model.answer = ({ response }) =>
      response
        .writeHead(401, { "content-type": "application/json" })
        .end('{"error":{"message":"bad key","code":"no"}}');
    const page = await stage.open("/agents");
    await page.getByRole("link", { name: "broken" }).click();
    await say(page, "Hello");
    await page.getByText("Failed", { exact: true }).first().waitFor();
    await page.reload();
    await page.getByRole("table", { name: "Last turns" }).getByRole("link").first().click();
    await page.getByText("Status of the endpoint").waitFor();
    await page.getByText("401", { exact: true }).waitFor();
    expect(await page.evaluate("globalThis.broken")).toBeUndefined();
  });

  test("F-CONSOLE-7: turns of conversations that no list has are among those of their agent", async () => {
    const as = await stage.tenant.token("ada", "admin");
    await stage.server.client(AgentService, as).createAgent({
      agent: { name: "called", connector: { case: "echo", value: {} } },
    });
    const { turn } = await stage.server
      .client(TurnService, as)
      .createTurn({ agent: "called", messages: [{ content: "Hello" }] });
    const page = await stage.open(`/agents/${turn?.agentId}`);
    const table = page.getByRole("table", { name: "Last turns" });
    await table.getByText("Complete", { exact: true }).waitFor();
    expect(await table.locator("tbody tr").count()).toBe(1);
  });

  test("F-CONSOLE-7: a turn that ends while one looks at its agent is shown to have ended", async () => {
    const { calls, createTurn } = await heldTurn();
    const { agentId } = await createTurn();
    const page = await stage.open(`/agents/${agentId}`);
    const table = page.getByRole("table", { name: "Last turns" });
    await table.getByText("Running", { exact: true }).waitFor();
    for (const call of calls) call.finish();
    await table.getByText("Complete", { exact: true }).waitFor();
  });

  test("F-CONSOLE-7: what a turn stored with its end is shown to whoever has watched it", async () => {
    const { calls, createTurn } = await heldTurn();
    const { id } = await createTurn();
    const page = await stage.open("/agents");
    let isSeenToEnd = false;
    await page.route("**/TurnService/GetTurn*", async (route) => {
      const response = await route.fetch();
      const body = await response.body();
      await route.fulfill({ response, body });
      isSeenToEnd ||= fromBinary(GetTurnResponseSchema, body).turn?.endTime !== undefined;
    });
    // The last look at the entries is one from before the end.
    const none = { contentType: "application/proto", body: "" };
    const entries = "**/TurnService/ListTurnEntries*";
    await page.route(entries, (route) => (isSeenToEnd ? route.continue() : route.fulfill(none)));
    await page.goto(`${stage.server.url}/console/turns/${id}`);
    await page.getByText("Running", { exact: true }).waitFor();
    for (const call of calls) call.finish();
    await page.getByText("Once upon a time").waitFor();
  });

  test("F-CONSOLE-8: a view that could not be loaded says so, and is there once it can be", async () => {
    const page = await stage.open("/agents", { apart: true });
    // React tells what the test provokes.
    page.removeAllListeners("console");
    await page.getByRole("link", { name: "helper" }).waitFor();
    const assets = "**/assets/**";
    await page.route(assets, (route) => route.abort());
    await page.getByRole("link", { name: "Analytics" }).click();
    const notice = page.getByRole("alert");
    await notice.getByText("This view could not be loaded.").waitFor();
    await page.unroute(assets);
    await notice.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("heading", { name: "Analytics" }).waitFor();
  });

  test("a reply is stopped", async () => {
    model.answer = (call) => call.say("Once upon a time");
    const page = await stage.open("/agents");
    await page.getByRole("link", { name: "broken" }).click();
    await say(page, "Tell me");
    await page.getByText("Once upon a time").waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText("Cancelled", { exact: true }).first().waitFor();
    expect(await page.getByText("Once upon a time").count()).toBe(1);
  });

  test("a member reads agents, but changes none", async () => {
    await stage.tenant.addMember("ben");
    const { authorization = "" } = await stage.tenant.token("ben");
    const page = await stage.open("/agents", { credential: authorization.slice("Bearer ".length) });
    await page.getByRole("link", { name: "helper" }).click();
    await page.getByLabel("Message", { exact: true }).waitFor();
    expect(await page.getByRole("button", { name: "Edit", exact: true }).count()).toBe(0);
  });

  test("everybody can read and use it, wide and light, narrow and dark", async () => {
    const page = await stage.open("/agents");
    await page.getByRole("link", { name: "helper" }).waitFor();
    expect(await obstacles(page)).toEqual([]);
    await page.getByRole("link", { name: "broken" }).click();
    await page.getByRole("table", { name: "Last turns" }).waitFor();
    expect(await obstacles(page)).toEqual([]);
    await page.getByRole("table", { name: "Last turns" }).getByRole("link").first().click();
    await page.getByRole("heading", { name: "What came" }).waitFor();
    expect(await obstacles(page)).toEqual([]);
  });

  test("nothing breaks the page's policy", () => {
    expect(stage.faults).toEqual([]);
  });
});

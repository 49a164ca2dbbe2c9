// The console's views of agents and turns, in Chromium: create one, talk to it, and see what went wrong.
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { type FakeOpenAi, startFakeOpenAi } from "../support/agents.ts";
import { HAS_CHROMIUM } from "../support/browser.ts";
import { type ConsoleStage, obstacles, startConsole } from "../support/console.ts";

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

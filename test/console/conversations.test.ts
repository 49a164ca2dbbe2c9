// The console's list of conversations, in Chromium: live, filtered by the address, by keyboard, searched.
import type { Client } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationStatus } from "../../gen/colloquy/v1/conversation_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { HAS_CHROMIUM } from "../support/fronts/browser.ts";
import { type ConsoleStage, obstacles, show, startConsole } from "../support/fronts/console.ts";

const HOSTILE = '<img src=x onerror="globalThis.broken = 1"><script>globalThis.broken = 1</script>';

describe.skipIf(!HAS_CHROMIUM)("the list of conversations", () => {
  let stage: ConsoleStage;
  let conversations: Client<typeof ConversationService>;
  let messages: Client<typeof MessageService>;
  const create = async (conversation: Parameters<typeof conversations.createConversation>[0]["conversation"]) =>
    (await conversations.createConversation({ conversation })).conversation?.id ?? "";

  beforeAll(async () => {
    stage = await startConsole();
    const ada = await stage.tenant.token("ada", "admin");
    conversations = stage.server.client(ConversationService, ada);
    messages = stage.server.client(MessageService, ada);
    for (let number = 1; number <= 80; number++) await create({ title: `Case ${number}` });
    await create({
      title: "Closed one",
      status: ConversationStatus.CLOSED,
      labels: { team: "support" },
      mode: "advice",
    });
  });
  afterAll(async () => {
    await stage?.close();
  });

  test("shows all of them, but makes rows of those in sight alone", async () => {
    const page = await stage.open("/conversations");
    await page.getByText("81 conversations").waitFor();
    await page.getByRole("heading", { level: 1, name: "Conversations" }).waitFor();
    expect(await page.title()).toBe("Conversations · Colloquy");
    expect(await page.getByRole("listitem").count()).toBeLessThan(60);
    await page.getByRole("list", { name: "Conversations" }).evaluate((list) => {
      const { parentElement: scroller } = list as unknown as { parentElement: { scrollTop: number } };
      scroller.scrollTop = 1e6;
    });
    await page.getByText("Case 1", { exact: true }).click();
    await page.getByRole("log").or(page.getByText("No message yet")).first().waitFor();
    await page.goBack();
    // One comes back to where one was, by either way, and goes on from there.
    await page.getByText("Case 1", { exact: true }).click();
    await page.getByRole("link", { name: "Back to the conversations" }).click();
    await page.getByText("Case 1", { exact: true }).waitFor();
    await page.keyboard.press("j");
    await expect.poll(() => page.locator(":focus").textContent()).toContain("Case 1");
  });

  test("shows a new conversation and a new message without a reload", async () => {
    const page = await stage.open("/conversations");
    await page.getByText("Case 80", { exact: true }).waitFor();
    const id = await create({ title: "Just in" });
    await page.getByRole("listitem").first().getByText("Just in").waitFor();
    await messages.sendMessage({ conversationId: id, message: { content: "Hello" } });
    await page.getByRole("listitem").first().getByText("1 message").waitFor();
    await conversations.deleteConversation({ conversationId: id });
    await page.getByText("Just in").waitFor({ state: "detached" });
  });

  test("F-CONSOLE-5: has its filters in the address, which can be sent to a colleague", async () => {
    const page = await stage.open("/conversations");
    await page.getByRole("button", { name: "Filters" }).click();
    await page.getByLabel("Status").selectOption("Closed");
    await page.getByLabel("Labels").fill("team=support");
    await page.getByLabel("Mode").fill("advice");
    await page.getByLabel("Created from").fill("2020-01-02T03:04");
    await page.getByRole("button", { name: "Apply" }).click();
    await page.getByText("1 conversation", { exact: true }).waitFor();
    const colleague = await stage.open(page.url().split("/console")[1] ?? "");
    await colleague.getByText("Closed one").waitFor();
    await colleague.getByText("1 conversation", { exact: true }).waitFor();
    // The way back from a conversation leads to the same list.
    await colleague.getByText("Closed one").click();
    await colleague.getByRole("link", { name: "Back to the conversations" }).click();
    await colleague.getByText("1 conversation", { exact: true }).waitFor();
    expect(new URL(colleague.url()).search).toBe(new URL(page.url()).search);
    await stage
      .open("/conversations?to=2020-01-02T03:04")
      .then((before) => before.getByText("No conversation matches").waitFor());
    await page.goBack();
    await page.getByText("81 conversations").waitFor();
  });

  test("says which filter cannot be read, and what to do where nothing matches", async () => {
    const page = await stage.open("/conversations?order=sideways&status=odd&owner=nobody");
    await page.getByText("No conversation matches").waitFor();
    await page.getByRole("alert").getByText("status=odd is no status. Known: active, archived, closed.").waitFor();
    await page.getByRole("alert").getByText("order=sideways").waitFor();
    await page.getByRole("button", { name: "Filters (1)" }).waitFor();
    await page.getByRole("button", { name: "Remove it from the address" }).click();
    await page.waitForURL(/\/conversations\?owner=nobody$/);
    await page.getByRole("alert").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Filters (1)" }).click();
    await page.getByLabel("Labels").fill("team");
    await page.getByRole("button", { name: "Apply" }).click();
    await page.getByText("Write name=value, separated by commas").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Clear filters" }).click();
    await page.getByText("81 conversations").waitFor();
    await page.goto(new URL("/console/nowhere", page.url()).href);
    await page.getByText("There is no such page").waitFor();
    await page.getByRole("navigation").getByRole("link", { name: "Conversations" }).waitFor();
  });

  test("is used with the keyboard alone", async () => {
    const page = await stage.open("/conversations?order=oldest");
    await page.getByText("Case 1", { exact: true }).waitFor();
    for (let times = 0; times < 3; times++) await page.keyboard.press("j");
    await page.keyboard.press("k");
    const focused = page.locator(":focus");
    await expect.poll(() => focused.textContent()).toContain("Case 2");
    await page.keyboard.press("End");
    await expect.poll(() => focused.textContent()).toContain("Closed one");
    await page.keyboard.press("/");
    await page.keyboard.type("jkjk");
    await expect.poll(() => page.getByRole("searchbox").inputValue()).toBe("jkjk");
  });

  test("searches all messages, and marks the words", async () => {
    const conversationId = await create({ title: "Found" });
    await messages.sendMessage({ conversationId, message: { content: `The blue 😀 parcel ${HOSTILE}` } });
    const page = await stage.open("/conversations");
    await page.getByRole("searchbox").fill("blue parcel");
    await page.getByRole("button", { name: "Search ↵" }).click();
    await page.waitForURL(/\?q=blue\+parcel$/);
    await page.getByRole("button", { name: "Search ↵" }).waitFor({ state: "detached" });
    await expect.poll(() => page.locator("mark").allTextContents()).toEqual(["blue", "parcel"]);
    await page.getByRole("link", { name: "Found" }).waitFor();
    // The filters hold in a search.
    await page.getByRole("button", { name: "Filters" }).click();
    await page.getByLabel("Status").selectOption("Closed");
    await page.getByRole("button", { name: "Apply" }).click();
    await page.getByText("No message matches").waitFor();
    await page.getByRole("button", { name: "Clear filters" }).click();
    await page.getByRole("link", { name: "Found" }).waitFor();
    await page.getByRole("searchbox").fill("nothing of that kind");
    await page.keyboard.press("Enter");
    await page.getByText("No message matches").waitFor();
    await conversations.deleteConversation({ conversationId });
  });

  test("runs nothing that a title or a label holds", async () => {
    const conversationId = await create({ title: HOSTILE, labels: { x: HOSTILE }, entityType: "t", entityId: HOSTILE });
    const page = await stage.open("/conversations");
    await page.getByText(HOSTILE, { exact: true }).waitFor();
    expect(await page.evaluate("globalThis.broken")).toBeUndefined();
    await conversations.deleteConversation({ conversationId });
  });

  test("everybody can read and use it, wide and light, narrow and dark", async () => {
    const page = await stage.open("/conversations");
    await page.getByText("Case 80", { exact: true }).waitFor();
    expect(await obstacles(page)).toEqual([]);
    await show(page, { width: 320 });
    await page.getByRole("button", { name: "Menu: Conversations" }).click();
    await page.getByRole("menuitem", { name: "Agents" }).click();
    await page.getByRole("button", { name: "Menu: Agents" }).waitFor();
  });

  test("needs at most 300 KiB of JavaScript before it shows", async () => {
    const page = await stage.open("/conversations", { apart: true });
    await page.getByText("Case 80", { exact: true }).waitFor();
    const bytes = await page.evaluate(() =>
      performance
        .getEntriesByType("resource")
        .filter(({ name }) => name.endsWith(".js"))
        .map((entry) => (entry as unknown as { encodedBodySize: number }).encodedBodySize)
        .reduce((sum, size) => sum + size, 0),
    );
    expect(bytes).toBeGreaterThan(50_000);
    expect(bytes).toBeLessThan(300 * 1024);
  });

  test("shows a lost connection, and goes on by itself", async () => {
    const page = await stage.open("/conversations");
    await page.getByText("Case 80", { exact: true }).waitFor();
    await page.route("**/colloquy.v1.**", (route) => route.abort("connectionrefused"));
    await page.getByLabel("Order").selectOption("Oldest");
    await page.getByText("The connection to the server is lost.").waitFor();
    await page.unroute("**/colloquy.v1.**");
    await page.getByText("Case 1", { exact: true }).waitFor();
    await page.getByText("The connection to the server is lost.").waitFor({ state: "detached" });
  });

  test("nothing breaks the page's policy", () => {
    expect(stage.faults).toEqual([]);
  });
});

// One conversation in the console, in Chromium: its log as it is and as it grows, what people do with it, and an
// agent's reply.
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationStatus } from "../../gen/colloquy/v1/conversation_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { DirectoryService } from "../../gen/colloquy/v1/directory_service_pb.ts";
import { DraftService } from "../../gen/colloquy/v1/draft_service_pb.ts";
import { MessageKind, MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { ParticipantService } from "../../gen/colloquy/v1/participant_service_pb.ts";
import { OutsideReads } from "../../gen/colloquy/v1/tenant_pb.ts";
import { TenantService } from "../../gen/colloquy/v1/tenant_service_pb.ts";
import { calls, says } from "../support/fronts/ai-sdk.ts";
import { HAS_CHROMIUM } from "../support/fronts/browser.ts";
import { type ConsoleStage, obstacles, show, startConsole } from "../support/fronts/console.ts";
import { type FakeAgent, startFakeAgent } from "../support/services/agents.ts";

const HOSTILE = '<img src=x onerror="globalThis.broken = 1"><script>globalThis.broken = 1</script>';

describe.skipIf(!HAS_CHROMIUM)("a conversation", () => {
  let stage: ConsoleStage;
  let agent: FakeAgent;
  let conversations: Client<typeof ConversationService>;
  let messages: Client<typeof MessageService>;
  let drafts: Client<typeof DraftService>;
  let participants: Client<typeof ParticipantService>;
  const create = async (conversation: Parameters<typeof conversations.createConversation>[0]["conversation"] = {}) =>
    (await conversations.createConversation({ conversation })).conversation?.id ?? "";
  const send = async (conversationId: string, message: Parameters<typeof messages.sendMessage>[0]["message"]) =>
    (await messages.sendMessage({ conversationId, message })).message?.id ?? "";

  beforeAll(async () => {
    agent = await startFakeAgent();
    stage = await startConsole({
      environment: { COLLOQUY_AGENT_PRIVATE: "yes", COLLOQUY_HEARTBEAT: "1", COLLOQUY_FILE_MAX: "1MiB" },
    });
    const ada = await stage.tenant.token("ada", "admin");
    conversations = stage.server.client(ConversationService, ada);
    messages = stage.server.client(MessageService, ada);
    drafts = stage.server.client(DraftService, ada);
    participants = stage.server.client(ParticipantService, ada);
    const tools = [{ name: "pay", description: "Costs", needsApproval: true, runs: { case: "client", value: {} } }];
    const connector = { case: "connect", value: { baseUrl: agent.url } } as const;
    await stage.server.client(AgentService, ada).createAgent({ agent: { name: "helper", connector, tools } as object });
  });
  afterAll(async () => {
    await stage?.close();
    await agent?.close();
  });

  test("opens at its end, reads on upwards, and stays at the end while it grows", async () => {
    const id = await create({ title: "Long" });
    await messages.batchSendMessages({
      conversationId: id,
      messages: Array.from({ length: 160 }, (_, index) => ({ content: `Number ${index + 1}.` })),
    });
    const page = await stage.open(`/conversations/${id}`);
    await page.getByText("Number 160.").waitFor();
    const log = page.getByRole("log");
    const fromEnd = () => log.evaluate((e) => Math.round(e.scrollHeight - e.scrollTop - e.clientHeight));
    await expect.poll(fromEnd).toBeLessThan(4);
    expect(await page.locator("[data-message]").count()).toBeLessThan(120);
    await send(id, { content: "One more" });
    await page.getByText("One more").waitFor();
    await expect.poll(fromEnd).toBeLessThan(4);
    await page.evaluate(GROW_TWICE);
    await expect.poll(fromEnd).toBeLessThan(4);
    await log.evaluate((e) => {
      e.scrollTop = 0;
    });
    await page.getByText("Number 90.").waitFor();
    // However far up one reads, one click leads back, and the log is followed again.
    await page.getByRole("button", { name: "Go to the latest" }).click();
    await expect.poll(fromEnd).toBeLessThan(4);
    expect(await page.getByRole("button", { name: "Go to the latest" }).count()).toBe(0);
    await send(id, { content: "And another" });
    await page.getByText("And another").waitFor();
    await expect.poll(fromEnd).toBeLessThan(4);
    // What comes meanwhile leaves the reader where they are.
    await log.evaluate((e) => {
      e.scrollTop = e.scrollHeight / 2;
    });
    const place = await log.evaluate((e) => e.scrollTop);
    await send(id, { content: "Behind the reader" });
    await page.getByText("Behind the reader").waitFor({ state: "attached" });
    expect(Math.abs((await log.evaluate((e) => e.scrollTop)) - place)).toBeLessThan(4);
    await log.evaluate((e) => {
      e.scrollTop = 0;
    });
    expect(await page.getByText("Number 1.", { exact: true }).count()).toBe(0);
    await log.press("Home");
    await page.waitForURL(/\?at=start$/);
    await expect.poll(() => log.evaluate((e) => e.scrollTop)).toBe(0);
    await expect.poll(() => page.getByText("Number 1.", { exact: true }).isVisible()).toBe(true);
    expect(await page.getByText("Number 160.").count()).toBe(0);
    await log.press("End");
    await expect.poll(() => page.getByText("One more").isVisible()).toBe(true);
    await page.getByRole("button", { name: "Go to the beginning" }).click();
    await expect.poll(() => page.getByText("Number 1.", { exact: true }).isVisible()).toBe(true);
  });

  test("follows its end when there is more than it keeps on the page", async () => {
    const id = await create({ title: "Busy" });
    const lines = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, index) => ({ content: `Line ${from + index}.` }));
    await messages.batchSendMessages({ conversationId: id, messages: lines(1, 40) });
    const page = await stage.open(`/conversations/${id}`);
    await page.getByText("Line 40.").waitFor();
    await messages.batchSendMessages({ conversationId: id, messages: lines(41, 220) });
    await page.getByText("Line 220.").waitFor();
    const log = page.getByRole("log");
    for (const [index, { content }] of lines(221, 250).entries()) {
      await send(id, { content });
      if (index % 3 === 2) await page.getByText(content).waitFor();
    }
    await expect.poll(() => log.evaluate((e) => Math.round(e.scrollHeight - e.scrollTop - e.clientHeight))).toBe(0);
    expect(await page.locator("[data-message]").count()).toBe(200);
    expect(await page.getByRole("button", { name: "Load later messages" }).count()).toBe(0);
  });

  test("opens at a message that a search has found", async () => {
    const id = await create({ title: "Found" });
    const sent = await messages.batchSendMessages({
      conversationId: id,
      messages: Array.from({ length: 150 }, (_, index) => ({ content: `Line ${index + 1}.` })),
    });
    const page = await stage.open(`/conversations/${id}?at=${sent.messages[19]?.id}`);
    await expect.poll(() => page.getByText("Line 20.").isVisible()).toBe(true);
    expect(await page.title()).toBe("Found · Colloquy");
    await page.getByRole("button", { name: "Go to the latest" }).click();
    await expect.poll(() => page.getByText("Line 150.").isVisible()).toBe(true);
    expect(new URL(page.url()).search).toBe("");
  });

  test("shows all parts, and runs nothing of what they hold", async () => {
    const id = await create({ title: HOSTILE, metadata: { note: HOSTILE }, labels: { team: "north" } });
    await send(id, {
      content: `**bold** ${HOSTILE} [bad](javascript:globalThis.broken=1) [good](https://example.com/)`,
    });
    // Too deep for the parser of Markdown: it must not hide the other messages.
    await send(id, { content: `${"> ".repeat(3_000)}deep` });
    await send(id, {
      role: MessageRole.ASSISTANT,
      parts: [
        { content: { case: "reasoning", value: { text: "A thought" } } },
        {
          content: {
            case: "text",
            value: {
              text: "On its way",
              annotations: [
                { target: { case: "url", value: { url: "javascript:globalThis.broken=1", title: "Trap" } } },
              ],
            },
          },
        },
        { content: { case: "file", value: { name: HOSTILE, source: { case: "url", value: "data:text/html,x" } } } },
        { content: { case: "data", value: { name: "map", json: '{"place":"Bonn"}' } } },
      ],
    });
    const call = { callId: "c1", name: "track", arguments: '{"id":"A-1"}' };
    await send(id, { kind: MessageKind.TOOL_CALL, role: MessageRole.ASSISTANT, parts: [part("toolCall", call)] });
    const result = { callId: "c1", output: { case: "text", value: HOSTILE }, isError: true };
    await send(id, { kind: MessageKind.TOOL_RESULT, role: MessageRole.TOOL, parts: [part("toolResult", result)] });

    const page = await stage.open(`/conversations/${id}`);
    await page.getByText("Tool call: track").click();
    await page.getByText('"id": "A-1"').waitFor();
    await page.getByText("Tool result: track: failed").click();
    await page.getByText("Reasoning").click();
    await page.getByText("A thought").waitFor();
    await page.getByText("> > deep").waitFor();
    expect(await page.locator("strong").textContent()).toBe("bold");
    const links = await page.getByRole("log").locator("a[href]").all();
    expect(await Promise.all(links.map((link) => link.getAttribute("href")))).toEqual(["https://example.com/"]);
    await page.getByRole("button", { name: "Details" }).click();
    await page.getByText("Participants").waitFor();
    expect(await page.getByRole("definition").getByText("team: north").count()).toBe(1);
    expect(await page.locator("#root img, #root script").count()).toBe(0);
    expect(await page.evaluate("globalThis.broken")).toBeUndefined();
  });

  test("a message is sent, edited, compared, deleted, restored and reacted to; another page sees it", async () => {
    const id = await create({ title: "Work" });
    const page = await stage.open(`/conversations/${id}`);
    const other = await stage.open(`/conversations/${id}`);
    await other.getByText("No message yet").waitFor();
    // The server has it, but its response is lost: the feed says so, and what was typed meanwhile stays.
    const box = page.getByLabel("Write a message");
    const [goOn, held] = signal();
    const sends: string[] = [];
    await page.route("**/*MessageService/SendMessage", async (route) => {
      sends.push(route.request().postData() ?? "");
      if (sends.length > 1) return route.continue();
      await held;
      await route.fetch();
      await route.abort("connectionreset");
    });
    await box.fill("It will be late");
    await page.keyboard.press("Enter");
    await box.fill("It will be late\nand more");
    goOn();
    await expect.poll(() => box.inputValue()).toBe("and more");
    expect(await page.getByRole("alert").count()).toBe(0);
    expect(sends.length).toBe(1);
    await box.fill("");
    const message = page.locator("[data-message]");
    const seen = other.locator("[data-message]");
    await seen.getByText("It will be late").waitFor();
    const act = async (name: string) => {
      await message.getByRole("button", { name: "Actions" }).click();
      await page.getByRole("menuitem", { name }).click();
    };
    await act("Edit");
    await expect
      .poll(() => page.evaluate(() => document.activeElement?.getAttribute("aria-label")))
      .toBe("Text of the message");
    const messageId = (await message.getAttribute("data-message")) ?? "";
    const theirs = { message: { content: "It will be soon" }, updateMask: { paths: ["content"] } };
    await messages.updateMessage({ messageId, ...theirs });
    await message.getByText("It will be soon").waitFor();
    await page.keyboard.press("Control+A");
    await page.keyboard.type("It will be early");
    await page.getByRole("button", { name: "Save mine in its place" }).click();
    await seen.getByText("It will be early").waitFor();
    await expect.poll(() => message.evaluate((element) => element === element.ownerDocument.activeElement)).toBe(true);
    await message.getByRole("button", { name: /^Actions ada \d/ }).waitFor();
    await act("Earlier texts");
    await expect.poll(() => page.locator("del").allTextContents()).toEqual(["soon", "late"]);
    expect(await page.locator("ins").allTextContents()).toEqual(["early", "soon"]);
    await page.keyboard.press("Escape");
    await act("Raw entry");
    await page.getByText('"content": "It will be early"').waitFor();
    await page.keyboard.press("Escape");
    await message.getByRole("button", { name: "Add a reaction" }).click();
    await page.getByRole("menuitem", { name: "👍" }).click();
    await seen.getByRole("button", { name: "👍 1" }).waitFor();
    await act("Delete");
    await seen.getByText("Deleted").waitFor();
    await act("Restore");
    await seen.getByText("Deleted").waitFor({ state: "detached" });
  });

  test("F-CONSOLE-6: what is not sent is there after a reload, on other devices, and not after one has signed out", async () => {
    const id = await create({ title: "Half" });
    const draft = async () => (await drafts.getDraft({ conversationId: id })).draft?.message?.content;
    await drafts.setDraft({ conversationId: id, message: { content: "From a phone" } });
    const page = await stage.open(`/conversations/${id}`);
    const box = page.getByLabel("Write a message");
    await expect.poll(() => box.inputValue()).toBe("From a phone");
    await box.fill("Half a thought");
    await page.reload();
    await expect.poll(() => box.inputValue()).toBe("Half a thought");
    await expect.poll(draft).toBe("Half a thought");
    await box.press("Enter");
    await page.locator("[data-message]").getByText("Half a thought").waitFor();
    await expect.poll(() => draft().catch(({ code }) => code)).toBe(Code.NotFound);
    await box.fill("A secret");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL("**/sign-in");
    expect(await page.evaluate("JSON.stringify(sessionStorage)")).not.toContain("secret");
  });

  test("an agent replies before one's eyes, also after a reload, and is stopped", async () => {
    const id = await create({ agent: "helper" });
    let goOn = () => {};
    const halfway = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    agent.answer = async function* () {
      yield { text: "The parcel is" };
      await halfway;
      yield { text: " in Bonn" };
    } as FakeAgent["answer"];
    const page = await stage.open(`/conversations/${id}`);
    await page.getByLabel("Write a message").fill("Where?");
    await page.keyboard.press("Enter");
    await page.getByText("The parcel is", { exact: true }).waitFor();
    await page.reload();
    await page.getByText("The parcel is", { exact: true }).waitFor();
    const written = await page.getByText("The parcel is", { exact: true }).boundingBox();
    goOn();
    const stored = page.locator("[data-message]").getByText("The parcel is in Bonn");
    await stored.waitFor();
    // What is read while it is written stays where it is when it is stored.
    expect(await stored.boundingBox()).toEqual(written);
    await page.getByRole("button", { name: "Stop" }).waitFor({ state: "detached" });

    const [grow, held] = signal();
    agent.answer = async function* (_: unknown, signal: AbortSignal) {
      yield { text: "Counting" };
      await held;
      yield { text: "\n\n1".repeat(60) };
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    } as FakeAgent["answer"];
    await page.getByLabel("Write a message").fill("Count");
    await page.keyboard.press("Enter");
    await page.getByText("Counting").waitFor();
    // What is written does not carry it away from under the pointer.
    const stop = page.getByRole("button", { name: "Stop" });
    await show(page, { width: 320 });
    const buttons = page.getByRole("button", { name: /^(?:Send|Stop)/ });
    const lines = await buttons.evaluateAll((all) => all.map((e) => e.getBoundingClientRect().top));
    expect([lines.length, new Set(lines).size]).toEqual([3, 1]);
    await show(page, {});
    const place = await stop.boundingBox();
    grow();
    await expect.poll(() => page.getByRole("log").getByText("1", { exact: true }).count()).toBe(60);
    expect(await stop.boundingBox()).toEqual(place);
    await stop.click();
    await page.getByText("The reply was stopped.").waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  test("a reply that failed is told once, beneath its message and after a reload, and is tried again", async () => {
    const id = await create({ agent: "helper" });
    // biome-ignore lint/correctness/useYield: it fails before it says anything
    agent.answer = async function* () {
      throw new ConnectError("no", Code.InvalidArgument);
    } as FakeAgent["answer"];
    const page = await stage.open(`/conversations/${id}`);
    await page.getByLabel("Write a message").fill("Where?");
    await page.keyboard.press("Enter");
    const failure = page.locator("[data-message]").getByRole("region", { name: "A reply that failed" });
    await failure.getByText("the agent failed with InvalidArgument").waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
    await page.reload();
    await failure.getByRole("link", { name: "Open the turn" }).waitFor();
    agent.answer = says({ text: "In Bonn" });
    await failure.getByRole("button", { name: "Try again" }).click();
    await page.locator("[data-message]").getByText("In Bonn").waitFor();
    expect(await failure.count()).toBe(0);
    await page.locator("[data-message]").last().getByRole("button", { name: "Actions" }).click();
    await page.getByRole("menuitem", { name: "Open the turn" }).click();
    await page.waitForURL(/\/turns\//);
  });

  test("files are attached, shown, taken out, kept when sending fails, and sent", async () => {
    const id = await create({ title: "With files" });
    const page = await stage.open(`/conversations/${id}`);
    const box = page.getByLabel("Write a message");
    const attached = page.getByRole("list", { name: "Attached files" });
    const send = page.getByRole("button", { name: "Send", exact: true });
    const [go, held] = signal();
    await page.route("**/v1/files?*", (route) => held.then(() => route.continue()).catch(() => {}));
    await page.locator("input[type=file]").setInputFiles([
      { name: "late.txt", mimeType: "text/plain", buffer: Buffer.from("too late") },
      { name: "dot.png", mimeType: "image/png", buffer: DOT },
      { name: "large.bin", mimeType: "application/octet-stream", buffer: Buffer.alloc(2 * 1024 * 1024) },
    ]);
    await expect.poll(() => attached.getByRole("progressbar").count()).toBe(3);
    await expect.poll(() => attached.locator("img").evaluate((e) => (e as unknown as Picture).naturalWidth)).toBe(1);
    await box.fill("Here they are");
    expect(await send.isDisabled()).toBe(true);
    await attached.getByRole("button", { name: "Remove late.txt" }).click();
    go();
    await attached.getByText("a file may have at most 1 MiB").waitFor();
    await attached.getByRole("button", { name: "Remove large.bin" }).click();
    await page.evaluate(given("paste", "pasted.txt"));
    await page.evaluate(given("drop", "dropped.txt"));
    await attached.getByText("pasted.txt").waitFor();
    await attached.getByText("dropped.txt").waitFor();
    await expect.poll(() => send.isDisabled()).toBe(false);
    await page.route("**/*.MessageService/SendMessage", (route) => route.abort());
    await box.press("Enter");
    await page.getByText("The server cannot be reached").waitFor();
    expect(await attached.getByRole("listitem").count()).toBe(3);
    await page.unroute("**/*.MessageService/SendMessage");
    await box.press("Enter");
    const said = page.locator("[data-message]");
    for (const label of ["Show dot.png", "Save pasted.txt", "Save dropped.txt"]) {
      await said.getByRole("button", { name: label }).waitFor();
    }
    await attached.waitFor({ state: "detached" });
    const [stored, ...more] = (await messages.listMessages({ conversationId: id })).messages;
    expect(more).toEqual([]);
    expect(stored?.parts.map(({ content }) => content.case)).toEqual(["text", "file", "file", "file"]);
  });

  test("a tool call is approved, and given its result", async () => {
    const id = await create({ agent: "helper" });
    const script = [says(calls("c1", "pay", '{"euro":5}')), says({ text: "Paid" })];
    agent.answer = (request, signal) => (script.shift() ?? says())(request, signal);
    const page = await stage.open(`/conversations/${id}`);
    await page.getByLabel("Write a message").fill("Pay");
    await page.keyboard.press("Enter");
    await page.getByText("May the tool pay run?").waitFor();
    await page.getByRole("group", { name: "May the tool pay run?" }).getByText('"euro": 5').waitFor();
    await page.getByLabel("Write a message").fill("Well?");
    await page.getByText("The agent waits for the answers above").waitFor();
    expect(await page.getByRole("button", { name: "Send and get a reply" }).isEnabled()).toBe(false);
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByLabel("Result of pay").fill("done");
    await page.getByRole("button", { name: "Give the result" }).click();
    await page.locator("[data-message]").getByText("Paid").waitFor();
    await page.getByText("Tool result: pay").waitFor();
    await page.getByText("Enter sends").waitFor();
  });

  test("branches can be compared, and another one made live", async () => {
    const id = await create();
    const first = await send(id, { content: "Question" });
    const one = await send(id, { content: "Answer one, at length", parentId: first });
    await send(id, { content: "Thanks", parentId: one });
    const two = await send(id, { content: "Answer two", parentId: first });
    await send(id, { content: "Thanks", parentId: two });
    const page = await stage.open(`/conversations/${id}`);
    await page.getByRole("log").getByText("Answer two").waitFor();
    await page.getByRole("button", { name: "Details" }).click();
    // Two branches that end alike are told apart by where they part.
    await page.getByText(/^From the beginning … Thanks/).waitFor();
    await page.getByText(/^Answer two.*… Thanks/).waitFor();
    await page.getByRole("button", { name: "Compare" }).click();
    const pair = page.getByRole("dialog", { name: "Branches" });
    await pair.getByText("The entry before is in both.").waitFor();
    await pair.getByRole("region", { name: "The other one" }).getByText("Answer one, at length").waitFor();
    expect(await pair.getByText("Question").count()).toBe(0);
    await pair.getByRole("button", { name: "Close" }).click();
    await page.getByRole("button", { name: "Make live" }).click();
    await page.getByRole("log").getByText("Answer one, at length").waitFor();
  });

  test("F-CONSOLE-3: replies to a message are a thread, which grows while one looks; code has colours and stays text", async () => {
    const id = await create();
    const first = await send(id, { content: '```json\n{"a": "<img src=x onerror=\'globalThis.broken = 1\'>"}\n```' });
    const page = await stage.open(`/conversations/${id}`);
    await page.locator(".hljs-string").getByText("<img src=x").waitFor();
    expect(await page.locator("#root img").count()).toBe(0);
    await page.getByRole("button", { name: "Actions" }).click();
    await page.getByRole("menuitem", { name: "Reply in a thread" }).click();
    const thread = page.getByRole("dialog", { name: "Thread" });
    const reply = thread.getByLabel("Write a reply");
    await reply.fill("I looked into it");
    await reply.press("Enter");
    await thread.getByRole("listitem").getByText("I looked into it").waitFor();
    await send(id, { content: "So did I", replyTo: first });
    await thread.getByRole("listitem").getByText("So did I").waitFor();
    await thread.getByRole("button", { name: "Close" }).click();
    await page.getByRole("button", { name: "2 replies" }).waitFor();
    await page.getByRole("button", { name: "In reply to ada: json" }).first().click();
    await thread.getByRole("listitem").getByText("So did I").waitFor();
    await thread.getByRole("button", { name: "Close" }).click();
    await page.getByRole("link", { name: "Go to it" }).first().click();
    await page.waitForURL(/at=/);
    expect(await page.getByRole("button", { name: "Go to the latest" }).count()).toBe(0);
    await page.getByRole("button", { name: "2 replies" }).click();
    await thread.getByRole("listitem").getByText("So did I").waitFor();
    // However long it grows, one sees its end, and the box to write in where it was.
    const place = await reply.boundingBox();
    await send(id, { content: "Line\n\n".repeat(40), replyTo: first });
    await send(id, { content: "The very last", replyTo: first });
    const last = thread.getByRole("listitem").getByText("The very last");
    await last.waitFor();
    await expect.poll(async () => (await last.boundingBox())?.y).toBeLessThan(place?.y ?? 0);
    expect(await reply.boundingBox()).toEqual(place);
    expect(await page.evaluate("globalThis.broken")).toBeUndefined();
  });

  test("one who takes no part is told that the look is audited, or that the tenant shows nothing", async () => {
    const tenants = stage.server.client(TenantService, await stage.server.superAdmin());
    const set = async (outsideReads: OutsideReads) =>
      tenants.updateTenant({
        tenantId: stage.tenant.id,
        tenant: { outsideReads },
        updateMask: { paths: ["outside_reads"] },
      });
    const eve = stage.server.client(ConversationService, await stage.tenant.token("eve"));
    const directory = stage.server.client(DirectoryService, await stage.tenant.token("ada", "admin"));
    await directory.upsertMember({ memberId: "eve", member: { displayName: "Eve Fox" } });
    const { conversation } = await eve.createConversation({});
    const page = await stage.open(`/conversations/${conversation?.id}`);
    await page.getByText("No message yet").waitFor();
    // Each change ends the stream: the page says what holds now, and goes on.
    await set(OutsideReads.AUDITED);
    await page.getByText("the audit log notes that you read it").waitFor();
    const says = stage.server.client(MessageService, await stage.tenant.token("eve"));
    await says.sendMessage({ conversationId: conversation?.id ?? "", message: { content: "Still here" } });
    await page.locator("[data-message]").getByText("Still here").waitFor();
    await page.locator("[data-message]").getByText("Eve Fox").waitFor();
    expect(await page.getByTitle("eve", { exact: true }).allTextContents()).toEqual(["Eve Fox"]);
    // The id is not shown in the place of a name that is still being read.
    const [read, held] = signal();
    await page.route("**/*.DirectoryService/ListMembers", (route) => held.then(() => route.continue()));
    await page.reload();
    await page.locator("[data-message]").getByText("Still here").waitFor();
    expect(await page.getByTitle("eve", { exact: true }).textContent()).toBe("\u00a0");
    expect(await page.getByText("eve", { exact: true }).count()).toBe(0);
    read();
    await page.locator("[data-message]").getByText("Eve Fox").waitFor();
    await set(OutsideReads.NEVER);
    await page.getByText("shows its content only to those who do").waitFor();
    await set(OutsideReads.ALWAYS);
    await page.getByRole("note").waitFor({ state: "detached" });
  });

  test("one that is deleted says so, and lives again where it is open once it is restored", async () => {
    const id = await create({ title: "Gone for a while" });
    await send(id, { content: "Before" });
    const page = await stage.open(`/conversations/${id}`);
    await page.getByText("Before").waitFor();
    await conversations.deleteConversation({ conversationId: id });
    await page.getByText("This conversation is deleted").waitFor();
    const later = await stage.open(`/conversations/${id}`);
    await later.getByRole("button", { name: "Restore the conversation" }).click();
    for (const one of [page, later]) {
      await one.getByText("Before").waitFor();
      await one.getByLabel("Write a message").waitFor();
    }
    await send(id, { content: "After" });
    for (const one of [page, later]) await one.locator("[data-message]").getByText("After").waitFor();
  });

  test("is exported as a file", async () => {
    const id = await create({ title: "To keep" });
    await send(id, { content: "Kept" });
    const page = await stage.open(`/conversations/${id}`);
    await page.getByText("Kept").waitFor();
    const marked = async () =>
      (await participants.listReadMarks({ conversationId: id })).readMarks.map(({ readSeq }) => readSeq);
    await expect.poll(marked).toHaveLength(1);
    const [before] = await marked();
    // What comes while another tab is in front is read when one comes back.
    await page.evaluate(shown("hidden"));
    await send(id, { content: "Unseen" });
    await page.getByText("Unseen").waitFor();
    expect(await marked()).toEqual([before]);
    await page.evaluate(shown("visible"));
    await expect.poll(async () => (await marked())[0]).toBeGreaterThan(before ?? 0n);
    await page.getByRole("button", { name: "Details" }).click();
    // Nobody is there to choose a place.
    await page.evaluate("delete globalThis.showSaveFilePicker");
    const saving = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export this conversation" }).click();
    const download = await saving;
    expect(download.suggestedFilename()).toBe(`${id}.ndjson`);
    const chunks: Buffer[] = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
    const records = Buffer.concat(chunks)
      .toString()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(records[0]).toMatchObject({ conversation: { conversation: { title: "To keep" } } });
    expect(records.find(({ message }) => message)).toMatchObject({ message: { message: { content: "Kept" } } });
  });

  test("says what is wrong, with the request id: none, closed, deleted", async () => {
    const none = await stage.open("/conversations/nothing");
    await none.getByText("Request id").waitFor();
    expect(await none.title()).toBe("The conversation cannot be shown · Colloquy");
    expect(await none.getByRole("button", { name: "Try again" }).count()).toBe(0);
    await none.getByRole("link", { name: "Back to the conversations" }).click();
    await none.waitForURL(/\/conversations$/);
    const led = await create({ title: "Led astray" });
    await send(led, { content: "The end" });
    const astray = await stage.open(`/conversations/${led}?at=nothing`);
    await astray.getByText("The message of this address is not here").waitFor();
    await astray.locator("[data-message]").getByText("The end").waitFor();
    await astray.getByRole("button", { name: "Remove it from the address" }).click();
    await astray.getByRole("alert").waitFor({ state: "detached" });
    expect(new URL(astray.url()).search).toBe("");
    const closed = await stage.open(`/conversations/${await create({ status: ConversationStatus.CLOSED })}`);
    await closed.getByText("Closed").waitFor();
    expect(await closed.getByLabel("Write a message").count()).toBe(0);
  });

  test("everybody can read and use it, wide and light, narrow and dark", async () => {
    const id = await create({ title: "A title that is longer than a small screen is wide, by far", agent: "helper" });
    await send(id, { content: `A word${"o".repeat(200)} that does not fit\n\n\`\`\`\n${"x".repeat(300)}\n\`\`\`` });
    await send(id, { parts: [part("toolCall", { name: "track", arguments: "{}" })], kind: MessageKind.TOOL_CALL });
    const page = await stage.open(`/conversations/${id}`);
    await page.getByText("Tool call: track").click();
    expect(await obstacles(page)).toEqual([]);
  });

  test("nothing breaks the page's policy", () => {
    expect(stage.faults).toEqual([]);
  });
});

/**
 * The log grows, is led to its end, and has grown by more than a line before the browser tells that it was scrolled.
 */
const GROW_TWICE = `new Promise((done) => {
  const content = document.querySelector("[role=log] > div");
  const boxes = [];
  const grow = (height) => {
    const box = content.appendChild(document.createElement("div"));
    box.style.height = height + "px";
    boxes.push(box);
  };
  const sizes = new ResizeObserver(() => {
    if (boxes.length === 0) return;
    sizes.disconnect();
    grow(500);
    requestAnimationFrame(() => requestAnimationFrame(done));
  });
  sizes.observe(content);
  requestAnimationFrame(() => grow(10));
})`;

/** A picture of one pixel. */
const DOT = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

interface Picture {
  readonly naturalWidth: number;
}

/** A script that pastes a file into the box, or drops it beside. */
function given(how: "paste" | "drop", name: string): string {
  const made =
    how === "paste"
      ? 'new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })'
      : 'new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })';
  const at = how === "paste" ? "textarea" : "header";
  return `{
    const data = new DataTransfer();
    data.items.add(new File(["some words"], "${name}", { type: "text/plain" }));
    document.querySelector("${at}").dispatchEvent(${made});
  }`;
}

/** A script that says to the page whether it is in front. */
function shown(state: "visible" | "hidden"): string {
  return `Object.defineProperty(document, "visibilityState", { value: "${state}", configurable: true });
    document.dispatchEvent(new Event("visibilitychange"))`;
}

/** What lets go on those who wait for it. */
function signal(): [() => void, Promise<void>] {
  const { resolve, promise } = Promise.withResolvers<void>();
  return [resolve, promise];
}

function part(kind: string, value: object): object {
  return { content: { case: kind, value } };
}

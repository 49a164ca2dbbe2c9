// Where one writes in the console, in Chromium: what is attached, what stays, and what others see of it.
import type { Client } from "@connectrpc/connect";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { DraftService } from "../../gen/colloquy/v1/draft_service_pb.ts";
import type { Message } from "../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { HAS_CHROMIUM } from "../support/fronts/browser.ts";
import { type ConsoleStage, obstacles, startConsole } from "../support/fronts/console.ts";

describe.skipIf(!HAS_CHROMIUM)("where one writes", () => {
  let stage: ConsoleStage;
  let conversations: Client<typeof ConversationService>;
  let messages: Client<typeof MessageService>;
  let drafts: Client<typeof DraftService>;
  let bobs: Client<typeof MessageService>;
  const create = async (title: string) => {
    const request = { conversation: { title }, participantIds: ["bob"] };
    return (await conversations.createConversation(request)).conversation?.id ?? "";
  };
  const stored = async (conversationId: string) => (await messages.listMessages({ conversationId })).messages;

  const drafted = async (conversationId: string) =>
    (await drafts.listDrafts({ conversationId })).drafts.map(({ message }) => said(message));
  const uploaded = async (name: string) => {
    const request = { method: "POST", body: "some words", headers: await stage.tenant.token("ada", "admin") };
    return ((await (await fetch(`${stage.server.url}/v1/files?name=${name}`, request)).json()) as { id: string }).id;
  };

  beforeAll(async () => {
    stage = await startConsole({ environment: { COLLOQUY_HEARTBEAT: "1", COLLOQUY_FILE_MAX: "1MiB" } });
    await stage.tenant.addMember("bob");
    const ada = await stage.tenant.token("ada", "admin");
    conversations = stage.server.client(ConversationService, ada);
    messages = stage.server.client(MessageService, ada);
    drafts = stage.server.client(DraftService, ada);
    bobs = stage.server.client(MessageService, await stage.tenant.token("bob"));
  });
  afterAll(() => stage?.close());

  test("F-CONSOLE-FILES: a file that can never be taken offers no other try, and a limit is told in MiB", async () => {
    const page = await stage.open(`/conversations/${await create("Refused")}`);
    await attach(page, "x".repeat(256), Buffer.from("named at length"));
    const refused = attached(page).getByRole("listitem");
    await refused.getByText("must be at most 255 characters").waitFor();
    expect(await refused.getByRole("button").allInnerTexts()).toEqual([""]);
    await refused.getByRole("button", { name: "Remove" }).click();
    await attach(page, "large.bin", Buffer.alloc(2 * 1024 * 1024));
    await refused.getByText("a file may have at most 1 MiB").waitFor();
    expect(await refused.getByRole("button", { name: "Try again" }).count()).toBe(0);
    await refused.getByRole("button", { name: "Remove large.bin" }).click();
    // What fails by the way is tried again.
    await page.route("**/v1/files?*", (route) => route.fulfill({ status: 500, body: "no" }));
    await attach(page, "unlucky.txt", Buffer.from("in vain"));
    const again = refused.getByRole("button", { name: "Try again" });
    await again.waitFor();
    await page.unroute("**/v1/files?*");
    await again.click();
    await expect.poll(() => page.getByRole("button", { name: "Send", exact: true }).isEnabled()).toBe(true);
  });

  test("F-CONSOLE-FILES: what is attached is there after a reload, and is sent once", async () => {
    const id = await create("Half with files");
    const page = await stage.open(`/conversations/${id}`);
    const box = page.getByLabel("Write a message");
    await attach(page, "plan.txt", Buffer.from("first"));
    await attach(page, "dot.png", DOT, "image/png");
    await box.fill("See these");
    await expect.poll(() => page.getByRole("button", { name: "Send", exact: true }).isEnabled()).toBe(true);
    await page.reload();
    await expect.poll(() => names(page)).toEqual(["plan.txt", "dot.png"]);
    expect(await box.inputValue()).toBe("See these");
    await expect.poll(() => drafted(id)).toEqual([["See these", "plan.txt", "dot.png"]]);
    await box.press("Enter");
    await page.locator("[data-message]").getByRole("button", { name: "Show dot.png" }).waitFor();
    await attached(page).waitFor({ state: "detached" });
    const kinds = (await stored(id)).map(({ parts }) => parts.map(({ content }) => content.case));
    expect(kinds).toEqual([["text", "file", "file"]]);
    await expect.poll(() => drafted(id)).toEqual([]);
    expect(await page.evaluate("JSON.stringify(sessionStorage)")).not.toContain("plan.txt");
  });

  test("F-CONSOLE-FILES: what is attached on another device is there, also where only its id is known", async () => {
    const id = await create("Half on a phone");
    const file = await uploaded("plan.txt");
    const part = { content: { case: "file", value: { source: { case: "fileId", value: file } } } } as const;
    await drafts.setDraft({ conversationId: id, message: { parts: [part, part] } });
    const page = await stage.open(`/conversations/${id}`);
    await expect.poll(() => names(page)).toEqual(["plan.txt"]);
    await attached(page).getByRole("button", { name: "Remove plan.txt" }).click();
    await expect.poll(() => drafted(id)).toEqual([]);
  });

  test("F-CONSOLE-FILES: files alone are a draft, and a reply in a thread has files that stay with it", async () => {
    const id = await create("Thread with files");
    const { message } = await messages.sendMessage({ conversationId: id, message: { content: "Which one?" } });
    const page = await stage.open(`/conversations/${id}`);
    const open = async () => {
      await page.locator("[data-message]").first().getByRole("button", { name: "Actions" }).click();
      await page.getByRole("menuitem", { name: "Reply in a thread" }).click();
    };
    await open();
    const thread = page.getByRole("dialog", { name: "Thread" });
    const send = thread.getByRole("button", { name: "Send", exact: true });
    expect(await send.isDisabled()).toBe(true);
    const file = { name: "one.txt", mimeType: "text/plain", buffer: Buffer.from("this one") };
    await thread.locator("input[type=file]").setInputFiles([file]);
    await expect.poll(() => send.isEnabled()).toBe(true);
    await page.reload();
    await open();
    await expect
      .poll(() =>
        attached(page)
          .getByText(/\.txt$/)
          .allInnerTexts(),
      )
      .toEqual(["one.txt"]);
    await page.evaluate(dropped("two.txt"));
    await expect
      .poll(() =>
        attached(page)
          .getByText(/\.txt$/)
          .allInnerTexts(),
      )
      .toEqual(["one.txt", "two.txt"]);
    expect(await obstacles(page)).toEqual([]);
    await expect.poll(() => send.isEnabled()).toBe(true);
    await send.click();
    for (const name of ["one.txt", "two.txt"]) {
      await thread
        .getByRole("listitem")
        .getByRole("button", { name: `Save ${name}` })
        .waitFor();
    }
    const [, reply] = await stored(id);
    expect([reply?.replyTo, said(reply).length]).toEqual([message?.id, 2]);
    expect(await drafted(id)).toEqual([]);
    await thread.getByRole("button", { name: "Close" }).click();
    await attach(page, "alone.txt", Buffer.from("nothing said"));
    await expect.poll(() => drafted(id)).toEqual([["alone.txt"]]);
  });

  test("F-CONSOLE-NEW: beside the way to the latest stands how much came, without one's own, and it is not read yet", async () => {
    const id = await create("Far up");
    await messages.batchSendMessages({
      conversationId: id,
      messages: Array.from({ length: 60 }, (_, index) => ({ content: `Number ${index + 1}.` })),
    });
    const page = await stage.open(`/conversations/${id}`);
    await page.getByText("Number 60.").waitFor();
    const unread = async () =>
      (await conversations.getConversation({ conversationId: id })).conversation?.memberView?.unreadCount;
    await bobs.sendMessage({ conversationId: id, message: { content: "Zero" } });
    await page.getByText("Zero").waitFor();
    await expect.poll(unread).toBe(0);
    const log = page.getByRole("log");
    await log.evaluate((e) => {
      e.scrollTop = e.scrollHeight / 2;
    });
    await page.getByRole("button", { name: "Go to the latest", exact: true }).waitFor();
    for (const content of ["One", "Two"]) await bobs.sendMessage({ conversationId: id, message: { content } });
    await messages.sendMessage({ conversationId: id, message: { content: "From one's phone" } });
    const latest = page.getByRole("button", { name: "Go to the latest: 2 new" });
    await latest.waitFor();
    await page.getByText("From one's phone").waitFor({ state: "attached" });
    expect(await unread()).toBe(2);
    expect(await obstacles(page)).toEqual([]);
    await log.press("Home");
    await page.waitForURL(/\?at=start$/);
    await bobs.sendMessage({ conversationId: id, message: { content: "Three" } });
    await page.getByRole("button", { name: "Go to the latest: 3 new" }).click();
    await page.getByText("Three", { exact: true }).waitFor();
    await expect.poll(unread).toBe(0);
    await log.evaluate((e) => {
      e.scrollTop = 0;
    });
    await page.getByRole("button", { name: "Go to the latest", exact: true }).waitFor();
  });

  test("F-CONSOLE-OWN: what one sends while one reads further up is seen at once", async () => {
    const id = await create("Sent from above");
    const lines = Array.from({ length: 120 }, (_, index) => ({ content: `Number ${index + 1}.` }));
    await messages.batchSendMessages({ conversationId: id, messages: lines });
    const page = await stage.open(`/conversations/${id}?at=start`);
    await page.getByText("Number 1.", { exact: true }).waitFor();
    await page.getByLabel("Write a message").fill("Down here");
    await page.keyboard.press("Enter");
    await expect.poll(() => page.locator("[data-message]").getByText("Down here").isVisible()).toBe(true);
    await page.getByRole("log").evaluate((e) => {
      e.scrollTop = e.scrollHeight / 2;
    });
    await page.getByRole("button", { name: "Go to the latest" }).waitFor();
    await page.getByLabel("Write a message").fill("And here");
    await page.keyboard.press("Enter");
    await expect.poll(() => inSight(page, "And here")).toBe(true);
  });

  test("F-CONSOLE-IME: Enter that ends the composition of a character sends nothing, also where it comes after its end", async () => {
    const id = await create("Composed");
    const page = await stage.open(`/conversations/${id}`);
    const box = page.getByLabel("Write a message");
    await box.fill("안녕");
    for (const how of [
      { isComposing: true, keyCode: 229 },
      { isComposing: false, keyCode: 229 },
    ]) {
      await box.evaluate((e, init) => {
        const { KeyboardEvent } = globalThis as unknown as { KeyboardEvent: new (type: string, init: object) => never };
        e.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true, ...init }));
      }, how);
    }
    await box.press("!");
    await box.press("Enter");
    await page.locator("[data-message]").first().waitFor();
    await expect.poll(() => box.inputValue()).toBe("");
    expect((await stored(id)).map(({ content }) => content.length)).toEqual([3]);
  });

  test("nothing breaks the page's policy", () => {
    expect(stage.faults).toEqual([]);
  });
});

const attached = (page: Page) => page.getByRole("list", { name: "Attached files" });
const names = (page: Page) => attached(page).locator("bdi").allInnerTexts();

async function attach(page: Page, name: string, buffer: Buffer, mimeType = "text/plain"): Promise<void> {
  await page.locator("input[type=file]").first().setInputFiles([{ name, mimeType, buffer }]);
}

/** The texts and names of files in a message. */
function said(message: Message | undefined): string[] {
  return (message?.parts ?? []).map(({ content }) => {
    if (content.case === "file") return content.value.name ?? "";
    return content.case === "text" ? content.value.text : "";
  });
}

/** Whether a message is within what one sees of the log. */
async function inSight(page: Page, words: string): Promise<boolean> {
  const [own, around] = [
    await page.locator("[data-message]").getByText(words).boundingBox(),
    await page.getByRole("log").boundingBox(),
  ];
  if (own === null || around === null) return false;
  return own.y >= around.y && own.y + own.height <= around.y + around.height;
}

/** A script that drops a file on the thread. */
function dropped(name: string): string {
  return `{
    const data = new DataTransfer();
    data.items.add(new File(["some words"], "${name}", { type: "text/plain" }));
    document.querySelector("[role=dialog] form")
      .dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  }`;
}

/** A picture of one pixel. */
const DOT = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

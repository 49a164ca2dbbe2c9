// The Escape key in the console, in Chromium: it leaves a field, and takes nothing that was written.
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { HAS_CHROMIUM } from "../support/fronts/browser.ts";
import { type ConsoleStage, startConsole } from "../support/fronts/console.ts";

describe.skipIf(!HAS_CHROMIUM)("the Escape key", () => {
  let stage: ConsoleStage;
  const openWith = async (content: string) => {
    const ada = await stage.tenant.token("ada", "admin");
    const request = { conversation: { title: "Work" } };
    const created = await stage.server.client(ConversationService, ada).createConversation(request);
    const conversationId = created.conversation?.id ?? "";
    await stage.server.client(MessageService, ada).sendMessage({ conversationId, message: { content } });
    const page = await stage.open(`/conversations/${conversationId}`);
    await page.locator("[data-message]").getByText(content).waitFor();
    return page;
  };

  beforeAll(async () => {
    stage = await startConsole();
  });
  afterAll(() => stage?.close());

  test("F-CONSOLE-ESCAPE: closes the editor of a message as it is, and leaves one with other words open", async () => {
    const page = await openWith("It will be late");
    const editor = page.getByLabel("Text of the message");
    await edit(page);
    await page.keyboard.press("Escape");
    await expect.poll(() => editor.count()).toBe(0);
    await edit(page);
    await editor.fill("It will be early, and here is why");
    await page.keyboard.press("Escape");
    await page.keyboard.type("!");
    expect(await editor.inputValue()).toBe("It will be early, and here is why!");
    await page.getByRole("button", { name: "Cancel" }).click();
    await expect.poll(() => editor.count()).toBe(0);
  });

  test("F-CONSOLE-ESCAPE: ends the composition of a character, and not what it is written in", async () => {
    const page = await openWith("ok");
    const editor = page.getByLabel("Text of the message");
    await edit(page);
    await pressEscapeIn(page, () => editor.fill("ok"));
    await page.keyboard.insertText("好");
    expect(await editor.inputValue()).toBe("ok好");
    const search = page.getByRole("searchbox");
    await page.goto(`${stage.server.url}/console/conversations`);
    await search.focus();
    await pressEscapeIn(page, () => search.fill("ok"));
    const isInSearch = () => search.evaluate((field) => field === field.ownerDocument.activeElement);
    expect(await isInSearch()).toBe(true);
    await page.keyboard.press("Escape");
    expect(await isInSearch()).toBe(false);
    expect(stage.faults).toEqual([]);
  });
});

async function edit(page: Page): Promise<void> {
  await page.locator("[data-message]").getByRole("button", { name: "Actions" }).click();
  await page.getByRole("menuitem", { name: "Edit" }).click();
  await page.locator("textarea:focus[aria-label='Text of the message']").waitFor();
}

/** As an input method does it: the key comes while a character is composed, which it then takes back. */
async function pressEscapeIn(page: Page, write: () => Promise<void>): Promise<void> {
  await write();
  const method = await page.context().newCDPSession(page);
  await method.send("Input.imeSetComposition", { text: "hao", selectionStart: 3, selectionEnd: 3 });
  await page.keyboard.press("Escape");
  await method.send("Input.imeSetComposition", { text: "", selectionStart: 0, selectionEnd: 0 });
  await method.detach();
}

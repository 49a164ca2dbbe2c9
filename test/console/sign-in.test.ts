// Signing in to the console, in Chromium: with a key, with a token, with one click, and after the session has ended.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AccessService } from "../../gen/colloquy/v1/access_service_pb.ts";
import { HAS_CHROMIUM } from "../support/fronts/browser.ts";
import { type ConsoleStage, obstacles, startConsole } from "../support/fronts/console.ts";

describe.skipIf(!HAS_CHROMIUM)("signing in", () => {
  let stage: ConsoleStage;
  beforeAll(async () => {
    stage = await startConsole();
  });
  afterAll(async () => {
    await stage?.close();
  });

  const nobody = { credential: undefined };

  test("a key signs in, and leads to where one wanted to go", async () => {
    const { text } = await stage.tenant.key("read", "write");
    const page = await stage.open("/conversations?status=closed", nobody);
    await page.waitForURL(/\/console\/sign-in\?next=/);
    await page.getByLabel("API key or token").fill(`  ${text}\n`);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.waitForURL(/\/console\/conversations\?status=closed$/);
    await page.getByText("No conversation matches").waitFor();
  });

  test("a key can act for a member", async () => {
    const { text } = await stage.tenant.key("read", "write");
    const page = await stage.open("/", nobody);
    await page.getByLabel("API key or token").fill(text);
    await page.getByLabel("Act for member").fill("ada");
    await page.keyboard.press("Enter");
    await page.getByText("ada · acme").waitFor();
  });

  test.each(["clq_made_up", "eyJhbGciOiJub25lIn0.e30.", "pass wörd"])("%s is refused in words", async (made) => {
    const page = await stage.open("/sign-in", nobody);
    await page.getByLabel("API key or token").fill(made);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByText("The server does not accept this key or token.").waitFor();
    expect(await page.evaluate("sessionStorage.getItem('colloquy.session')")).toBeNull();
  });

  test("a developer needs one click", async () => {
    const page = await stage.open("/sign-in", nobody);
    await page.getByRole("button", { name: "Continue as developer" }).click();
    await page.getByText("developer · default").waitFor();
  });

  test("the key is in this tab's session storage alone, and gone once one signs out", async () => {
    const page = await stage.open("/conversations");
    await page.getByText("ada · acme").waitFor();
    expect(await page.evaluate("Object.keys(localStorage).filter((name) => !name.startsWith('mantine'))")).toEqual([]);
    expect(await page.evaluate("document.cookie")).toBe("");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in to Colloquy" }).waitFor();
    expect(await page.evaluate("sessionStorage.getItem('colloquy.session')")).toBeNull();
  });

  test("a session whose key was revoked ends with a word, and goes on where it was", async () => {
    const { id, text } = await stage.tenant.key("read", "write");
    const page = await stage.open("/conversations?agent=helper", { credential: text });
    await page.getByText("No conversation matches").waitFor();
    const admin = await stage.tenant.key("read", "write", "admin");
    await stage.server.client(AccessService, admin.credential).revokeApiKey({ apiKeyId: id });
    await page.reload();
    await page.getByText("Your session has ended.").waitFor();
    await page.getByLabel("API key or token").fill(admin.text);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/console\/conversations\?agent=helper$/);
  });

  test("`next` leads to no other site", async () => {
    const { text } = await stage.tenant.key("read");
    for (const next of ["//evil.example", "https://evil.example", "/\\evil.example"]) {
      const page = await stage.open(`/sign-in?next=${encodeURIComponent(next)}`, nobody);
      await page.getByLabel("API key or token").fill(text);
      await page.keyboard.press("Enter");
      await page.getByRole("navigation").waitFor();
      expect(page.url()).toMatch(new RegExp(`^${stage.server.url}/console/conversations`));
    }
  });

  test("everybody can read and use it, wide and light, narrow and dark", async () => {
    const page = await stage.open("/sign-in", nobody);
    await page.getByRole("button", { name: "Continue as developer" }).waitFor();
    expect(await obstacles(page)).toEqual([]);
  });

  test("nothing breaks the page's policy", () => {
    expect(stage.faults).toEqual([]);
  });
});

// The console's views for administrators, in Chromium: members, keys, audit, webhooks, retention, holds, jobs, tenants.
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AccessService } from "../../gen/colloquy/v1/access_service_pb.ts";
import { ApiKeyScope } from "../../gen/colloquy/v1/api_key_pb.ts";
import { ErasureService } from "../../gen/colloquy/v1/erasure_service_pb.ts";
import { WebhookService } from "../../gen/colloquy/v1/webhook_service_pb.ts";
import { HAS_CHROMIUM } from "../support/fronts/browser.ts";
import { type ConsoleStage, obstacles, startConsole } from "../support/fronts/console.ts";
import { runJobs } from "../support/postgres/erasure.ts";
import type { Credential } from "../support/servers/identity-server.ts";
import { type Receiver, startReceiver } from "../support/services/webhook-receiver.ts";

const HOSTILE = '<img src=x onerror="globalThis.broken = 1">';
const VIEWS = ["members", "keys", "audit", "webhooks", "retention", "holds", "jobs"];

describe.skipIf(!HAS_CHROMIUM)("administration", () => {
  let stage: ConsoleStage;
  let receiver: Receiver;
  let ada: Credential;
  beforeAll(async () => {
    receiver = await startReceiver();
    stage = await startConsole({ environment: { COLLOQUY_WEBHOOK_PRIVATE: "yes" } });
    ada = await stage.tenant.token("ada", "admin");
    await stage.tenant.addMember("eve");
  });
  afterAll(async () => {
    await stage?.close();
    await receiver?.close();
  });

  const tokenOf = ({ authorization = "" }: Credential) => authorization.slice("Bearer ".length);
  /** Opens a form, fills it, and sends it. */
  const fill = async (page: Page, button: string, values: Record<string, string>, submit: string) => {
    await page.getByRole("button", { name: button, exact: true }).first().click();
    const form = page.getByRole("dialog");
    for (const [label, value] of Object.entries(values)) await form.getByLabel(label).fill(value);
    await form.getByRole("button", { name: submit, exact: true }).click();
  };

  test("members stand below their managers", async () => {
    const page = await stage.open("/admin");
    await page.waitForURL(/\/admin\/members$/);
    await fill(page, "Add member", { Id: "max", Name: HOSTILE }, "Add member");
    await page.getByText(HOSTILE).waitFor();
    await fill(page, "Add member", { Id: "ben", Name: "Benedict", Manager: "max" }, "Add member");
    const below = page.getByRole("list", { name: /^Members/ }).getByRole("list");
    await below.getByText("Benedict").waitFor();
    await below.getByRole("button", { name: "Edit" }).click();
    await page.getByRole("dialog").getByLabel("Manager").fill("");
    await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
    await below.waitFor({ state: "detached" });
    // An erasure says what it would do, and wants the member's id.
    await page.getByRole("button", { name: "Erase" }).first().click();
    await page.getByRole("dialog").getByText("Messages that it sent: 0").waitFor();
    await page.getByRole("dialog").getByLabel("to confirm").fill("somebody");
    await page.getByRole("dialog").getByRole("button", { name: "Erase" }).click();
    await page.getByText("It is not the id of this member.").waitFor();
    expect(await page.evaluate("globalThis.broken")).toBeUndefined();
    // Of many, only those near to what is in sight have their buttons, also for who goes there with the tab key.
    await Promise.all(Array.from({ length: 60 }, (_, index) => stage.tenant.addMember(`zoe-${index + 10}`)));
    await page.reload();
    const last = page.getByRole("listitem").filter({ hasText: "zoe-69" });
    await last.waitFor({ state: "attached" });
    await page.getByRole("button", { name: "Erase" }).first().waitFor();
    expect(await page.getByRole("button", { name: "Erase" }).count()).toBeLessThan(50);
    const inSight = page.getByRole("listitem").filter({ hasText: "zoe-20" });
    await inSight.getByRole("button", { name: "Erase" }).focus();
    for (let step = 0; step < 4; step++) await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.closest('li').textContent")).toContain("zoe-21");
    await last.scrollIntoViewIfNeeded();
    await last.getByRole("button", { name: "Erase" }).waitFor();
  });

  test("a key's text is shown once; it is rotated and revoked", async () => {
    const page = await stage.open("/admin/keys");
    await page.getByRole("button", { name: "New API key" }).click();
    await page.getByRole("dialog").getByLabel("Name").fill("importer");
    await page.getByRole("dialog").getByLabel("Read").check();
    await page.getByRole("dialog").getByRole("button", { name: "Create" }).click();
    const shown = page.getByText(/^clq_/);
    const text = (await shown.textContent()) ?? "";
    const key = stage.server.client(AccessService, { authorization: `Bearer ${text}` });
    expect((await key.whoAmI({})).tenantSlug).toBe("acme");
    await page.getByRole("button", { name: "Close" }).click();
    await shown.waitFor({ state: "detached" });
    const row = page.getByRole("row", { name: "importer" });
    await row.getByRole("button", { name: "Rotate" }).click();
    const asked = (title: string) => page.getByRole("dialog", { name: title });
    await asked("Rotate importer?").getByRole("button", { name: "Rotate" }).click();
    await shown.waitFor();
    expect(await shown.textContent()).not.toBe(text);
    await page.getByRole("button", { name: "Close" }).click();
    await row.getByRole("button", { name: "Revoke" }).click();
    await asked("Revoke importer?").getByRole("button", { name: "Revoke" }).click();
    await row.waitFor({ state: "detached" });
    await page.getByLabel("Show revoked keys").check();
    await row.getByText("Revoked").waitFor();
  });

  test("the audit log is filtered by the address", async () => {
    const page = await stage.open("/admin/audit?action=api_key.revoke");
    const table = page.getByRole("table", { name: "Audit entries" });
    await table.getByText("api_key.revoke").first().waitFor();
    expect(await table.getByText("api_key.rotate").count()).toBe(0);
    await page.getByRole("button", { name: "Verify" }).click();
    await page.getByText("The log is whole").waitFor();
    await page.getByLabel("Action").fill("");
    await page.getByLabel("Who (id)").fill("ada");
    await page.getByRole("button", { name: "Apply" }).click();
    await page.waitForURL(/\/admin\/audit\?actorType=MEMBER&actor=ada$/);
    await table.getByText("api_key.rotate").waitFor();
    // What a key did is shown and found by the key's name.
    const make = async (by: Credential, displayName: string) =>
      stage.server.client(AccessService, by).createApiKey({ apiKey: { displayName, scopes: [ApiKeyScope.ADMIN] } });
    const { apiKey, text } = await make(ada, "robot");
    await make({ authorization: `Bearer ${text}` }, "made by a key");
    await page.reload();
    await page.getByLabel("Kind").selectOption("API key");
    await page.getByLabel("Who (id)").fill("robot");
    await page.getByRole("button", { name: "Apply" }).click();
    await page.waitForURL(`**/admin/audit?actorType=API_KEY&actor=${apiKey?.id}`);
    await table.getByRole("row", { name: "robot API key api_key.create" }).getByText("made by a key").waitFor();
  });

  test("an endpoint is made, tested, paused and replayed, and its deliveries are seen", async () => {
    const page = await stage.open("/admin/webhooks");
    await fill(page, "New endpoint", { Address: receiver.url }, "Create");
    await page.getByText(/^whsec_/).waitFor();
    await page.getByRole("button", { name: "Close" }).click();
    await page.getByRole("link", { name: receiver.url }).click();
    await page.getByRole("button", { name: "Send a test" }).click();
    await page.getByRole("dialog").getByText("Delivered").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
    await page.getByRole("table", { name: "Deliveries" }).getByText("Delivered").waitFor();
    await fill(page, "Pause", {}, "Pause");
    await page.getByText("Paused", { exact: true }).waitFor();
    await fill(page, "Resume", {}, "Resume");
    await page.getByText("Active", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Replay" }).click();
    await page.getByRole("dialog").getByLabel("From").selectOption("The beginning");
    await page.getByRole("dialog").getByRole("button", { name: "Replay" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
  });

  test("F-CONSOLE: a form that is behind what somebody else saved meanwhile does not write over it", async () => {
    const endpoints = stage.server.client(WebhookService, ada);
    const target = { case: "url", value: `${receiver.url}/second` } as const;
    const { endpoint } = await endpoints.createWebhookEndpoint({ endpoint: { target, description: "Before" } });
    const page = await stage.open(`/admin/webhooks/${endpoint?.id}`);
    await page.getByRole("button", { name: "Edit" }).click();
    const form = page.getByRole("dialog");
    await form.getByLabel("Description").fill("Mine");
    const change = { endpoint: { description: "Theirs" }, updateMask: { paths: ["description"] } };
    await endpoints.updateWebhookEndpoint({ endpointId: endpoint?.id ?? "", ...change });
    // The page behind the form is read anew by itself.
    await page.getByText("Theirs").waitFor();
    expect(await form.getByLabel("Description").inputValue()).toBe("Mine");
    await form.getByRole("button", { name: "Save" }).click();
    await form.getByRole("alert").waitFor();
    expect((await endpoints.getWebhookEndpoint({ endpointId: endpoint?.id ?? "" })).endpoint?.description).toBe(
      "Theirs",
    );
  });

  test("a policy is previewed before it is made", async () => {
    const page = await stage.open("/admin/retention");
    await page.getByRole("button", { name: "New policy" }).click();
    const form = page.getByRole("dialog");
    await form.getByLabel("Name").fill("Old ones");
    await form.getByLabel("Age, in days").fill("365");
    await form.getByLabel("Status").selectOption("Closed");
    await form.getByLabel("Labels").fill("team=support");
    await form.getByRole("button", { name: "Preview" }).click();
    await form.getByText("It would act on 0 conversations").waitFor();
    await form.getByRole("button", { name: "Create" }).click();
    const row = page.getByRole("row", { name: "Old ones" });
    await row.getByText("Status: Closed, team: support").waitFor();
    await row.getByText("Last message").waitFor();
  });

  test("a hold is placed and lifted", async () => {
    const page = await stage.open("/admin/holds");
    await page.getByRole("button", { name: "New legal hold" }).click();
    const form = page.getByRole("dialog");
    await form.getByLabel("Name").fill("Matter 7");
    await form.getByLabel("Reason").fill("A court asks");
    await form.getByLabel("Covers").selectOption("A member");
    await form.getByLabel("Its id").fill("max");
    await form.getByRole("button", { name: "Create" }).click();
    const row = page.getByRole("row", { name: "Matter 7" });
    await row.getByText(`A member: ${HOSTILE}`).waitFor();
    await row.getByRole("button", { name: "Lift" }).click();
    await form.getByLabel("Reason").fill("It is over");
    await form.getByRole("button", { name: "Lift" }).click();
    await row.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "New legal hold" }).click();
    await form.getByLabel("Name").fill("Matter 8");
    await form.getByLabel("Reason").fill("Another court");
    await form.getByLabel("Covers").selectOption("Conversations that match");
    await form.getByLabel("Labels").fill("team=support");
    await form.getByRole("button", { name: "Create" }).click();
    await page.getByRole("row", { name: "Matter 8" }).getByText("Conversations that match: team: support").waitFor();
  });

  test("a job is cancelled, and one that goes on shows without a reload that it is done", async () => {
    const erasure = stage.server.client(ErasureService, ada);
    await erasure.eraseMember({ memberId: "ben" });
    const page = await stage.open("/admin/jobs");
    await fill(page, "Cancel the job", {}, "Cancel the job");
    await page.getByText("Cancelled", { exact: true }).waitFor();
    await erasure.eraseMember({ memberId: "max" });
    await page.reload();
    await page.getByText("Waiting", { exact: true }).waitFor();
    await runJobs(stage.server.database, stage.tenant.id);
    await page.getByText("Done", { exact: true }).waitFor();
  });

  test("tenants are for super administrators; others do not see them, and a deep link says so", async () => {
    const page = await stage.open("/admin/tenants");
    await page.getByText("It is for super administrators.").waitFor();
    expect(await page.getByRole("link", { name: "Tenants" }).count()).toBe(0);
    const root = await stage.open("/admin", { credential: tokenOf(await stage.tenant.token("root", "super_admin")) });
    await root.getByRole("link", { name: "Tenants" }).click();
    await fill(root, "New tenant", { Slug: "second", Name: "The second" }, "Create");
    await root.getByRole("row", { name: "second" }).getByText("The second").waitFor();
  });

  test.each(["/admin/keys", "/analytics", "/health"])("%s says to a member whom it is for", async (path) => {
    const page = await stage.open(path, { credential: tokenOf(await stage.tenant.token("eve")) });
    await page.getByText("You may not see this").waitFor();
    const links = await page.getByRole("navigation", { name: "Main" }).getByRole("link").allTextContents();
    expect(links).toEqual(["Conversations", "Agents"]);
  });

  test("analytics are downloaded", async () => {
    const page = await stage.open("/analytics?days=7");
    await page.getByRole("img", { name: /^Messages sent/ }).waitFor();
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download CSV" }).click(),
    ]);
    expect(file.suggestedFilename()).toMatch(/^colloquy-\d{4}-\d\d-\d\d-7-days\.csv$/);
  });

  test("health shows what the server works on, or that its metrics are kept elsewhere", async () => {
    const page = await stage.open("/health");
    await page.getByRole("row", { name: "/colloquy.v1.AccessService/WhoAmI" }).waitFor();
    await page.getByRole("img", { name: /^Calls a second, now/ }).waitFor();
    expect(await obstacles(page)).toEqual([]);
    await page.route("**/metrics", (route) => route.fulfill({ status: 403, body: "forbidden" }));
    await page.reload();
    await page.getByText("The server does not show its metrics here").waitFor();
  });

  test("everybody can read and use them, wide and light, narrow and dark", async () => {
    const page = await stage.open("/analytics");
    await page.getByRole("table").waitFor();
    expect(await obstacles(page)).toEqual([]);
    await page.getByRole("link", { name: "Administration" }).click();
    const places = page.getByRole("navigation", { name: "Administration" });
    for (const view of VIEWS) {
      await places.locator(`[href$="/admin/${view}"]`).click();
      await page.waitForURL(`**/admin/${view}`);
      await page.locator("main h1").waitFor();
      await expect.poll(() => page.getByRole("status", { name: "Loading" }).count(), { timeout: 20_000 }).toBe(0);
      expect([view, await obstacles(page)]).toEqual([view, []]);
    }
    await places.locator('[href$="/admin/keys"]').click();
    await page.getByRole("button", { name: "New API key" }).click();
    await page.getByRole("dialog").getByLabel("Read").waitFor();
    expect(await obstacles(page)).toEqual([]);
  });

  test("nothing breaks the page's policy", () => {
    expect(stage.faults).toEqual([]);
  });
});

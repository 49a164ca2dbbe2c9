// A browser's EventSource: it brings a ticket, since it can send no header, and stops when a turn has ended.
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { type DialectServer, startDialects } from "../support/servers/dialect-server.ts";
import type { Credential } from "../support/servers/identity-server.ts";

const CHROMIUM = "/usr/bin/chromium";
const hasChromium = existsSync(CHROMIUM);
if (!hasChromium) process.stderr.write("Chromium is not installed (apt-get install chromium): skipping its tests\n");

const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const EVENTS = { accept: "text/event-stream" };

let server: DialectServer;
beforeAll(async () => {
  server = await startDialects("none");
});
afterAll(() => server.close());

const textOf = ({ authorization = "" }: Credential) => String(authorization).replace("Bearer ", "");

async function exchange(subject: string, headers: Record<string, string> = {}) {
  const body = new URLSearchParams({
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token: subject,
    subject_token_type: ACCESS_TOKEN,
    scope: "events",
  });
  const response = await fetch(`${server.server.url}/oauth2/token`, { method: "POST", body, headers });
  return { status: response.status, cache: response.headers.get("cache-control"), json: await response.json() };
}

/** A turn of ann's that has ended, and where it is read. */
async function scene() {
  const { tenant } = server;
  const [ann, admin] = [await tenant.token("ann"), await tenant.token("boss", "admin")];
  const agents = server.server.client(AgentService, admin);
  const name = `echo-${crypto.randomUUID()}`;
  await agents.createAgent({ agent: { name, connector: { case: "echo", value: {} } } });
  const made = await server.http("POST", "/v1/conversations", {
    body: { conversation: { agent: name } },
    credential: ann,
  });
  const chat = `/v1/conversations/${made.json.id}:chat`;
  const body = JSON.stringify({ message: { content: "Hello there" } });
  const headers = { ...ann, ...EVENTS, "content-type": "application/json" };
  const stream = await (await fetch(server.server.url + chat, { method: "POST", body, headers })).text();
  const turnId = /"turn":\{"id":"([^"]+)"/.exec(stream)?.[1] ?? "";
  return { ann, conversationId: made.json.id, path: `/v1/turns/${turnId}:resume` };
}

const ask = (path: string, headers: Record<string, string> = EVENTS, method = "GET") =>
  fetch(server.server.url + path, { method, headers, signal: AbortSignal.timeout(10_000) });

describe("F-EVENTSOURCE: a ticket", () => {
  test("is given for a token, lives ten minutes at most, is stored nowhere, and reads a stream", async () => {
    const { ann, path } = await scene();
    const { status, cache, json } = await exchange(textOf(ann));
    expect({ status, cache }).toEqual({ status: 200, cache: "no-store" });
    expect(json).toMatchObject({ token_type: "N_A", issued_token_type: ACCESS_TOKEN, scope: "events" });
    expect(json.expires_in).toBeLessThanOrEqual(600);
    const answer = await ask(`${path}?access_token=${json.access_token}`);
    expect([answer.status, answer.headers.get("cache-control")]).toEqual([200, "no-store, no-transform"]);
    expect(await answer.text()).toMatch(/event: delta[\s\S]*event: ended\nid: end\n/);
  });

  test("is given for a key that acts for a member, and sees what the member sees", async () => {
    const { path } = await scene();
    const key = await server.tenant.key("read");
    await server.tenant.token("bob");
    const [forAnn, forBob] = [await exchange(key.text, { "x-act-for": "ann" }), await exchange(key.text)];
    expect((await ask(`${path}?access_token=${forAnn.json.access_token}`)).status).toBe(200);
    expect((await ask(`${path}?access_token=${forBob.json.access_token}`)).status).toBe(200);
  });

  test("opens nothing else: no header takes it, and no call but a GET of events alone", async () => {
    const { ann, conversationId, path } = await scene();
    const ticket = (await exchange(textOf(ann))).json.access_token;
    const query = `access_token=${ticket}`;
    const conversation = `/v1/conversations/${conversationId}`;
    expect((await ask(path, { ...EVENTS, authorization: `Bearer ${ticket}` })).status).toBe(401);
    expect((await ask(`${path}?${query}`, { accept: "application/json" })).status).toBe(401);
    expect((await ask(`${path}?${query}`, { accept: "text/event-stream, application/json" })).status).toBe(401);
    expect((await ask(`${conversation}?${query}`, { accept: "application/json" })).status).toBe(401);
    expect((await ask(`${conversation}?${query}`)).status).toBe(406);
    expect((await ask(`${conversation}?${query}`, EVENTS, "DELETE")).status).toBe(401);
    expect((await exchange(ticket)).json).toMatchObject({ error: "invalid_grant" });
  });

  test("is the only credential that a URL takes", async () => {
    const { ann, path } = await scene();
    const key = await server.tenant.key("read");
    for (const text of [textOf(ann), key.text, "nonsense"]) {
      expect((await ask(`${path}?access_token=${text}`)).status).toBe(401);
    }
    // A header says who calls, where there is one.
    expect((await ask(`${path}?access_token=nonsense`, { ...EVENTS, ...ann })).status).toBe(200);
  });

  test("is refused for what is no credential", async () => {
    expect(await exchange("nonsense")).toMatchObject({ status: 400, json: { error: "invalid_grant" } });
    expect(await exchange("")).toMatchObject({ status: 400, json: { error: "invalid_request" } });
  });
});

test("F-EVENTSOURCE: who has the last event of a turn is told with 204 that there is no more", async () => {
  const { ann, path } = await scene();
  const again = await ask(path, { ...EVENTS, ...ann, "last-event-id": "end" });
  expect([again.status, await again.text()]).toEqual([204, ""]);
  // Who has less gets the rest.
  expect(await (await ask(path, { ...EVENTS, ...ann, "last-event-id": "6" })).text()).toMatch(
    /^event: delta\nid: 11\n[\s\S]*id: end\n/,
  );
  expect((await ask(path, { ...EVENTS, "last-event-id": "end" })).status).toBe(401);
});

test.skipIf(!hasChromium)(
  "F-EVENTSOURCE: a browser reads a turn to its end, and asks no more",
  async () => {
    const { ann, path } = await scene();
    const ticket = (await exchange(textOf(ann))).json.access_token;
    const asked: string[] = [];
    const page = createServer((_, response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>"),
    );
    await new Promise<void>((resolve) => page.listen(0, "127.0.0.1", resolve));
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ["--no-sandbox", "--disable-background-networking"],
    });
    try {
      const tab = await browser.newPage();
      tab.on("response", (response) => response.url().includes(":resume") && asked.push(String(response.status())));
      await tab.goto(`http://127.0.0.1:${(page.address() as AddressInfo).port}/`);
      const url = `${server.server.url}${path}?access_token=${ticket}`;
      // It closes by itself: the page never does.
      const heard = await tab.evaluate(
        (at) =>
          new Promise<string[]>((resolve) => {
            const events: string[] = [];
            // biome-ignore lint/suspicious/noExplicitAny: this runs in the page
            const source = new (globalThis as any).EventSource(at);
            source.addEventListener("delta", (one: MessageEvent) => events.push(JSON.parse(one.data).text));
            source.addEventListener("ended", () => events.push("ended"));
            source.onerror = () => source.readyState === 2 && resolve(events);
          }),
        url,
      );
      expect([heard.join(""), asked]).toEqual(["Hello thereended", ["200", "204"]]);
    } finally {
      await browser.close();
      page.close();
    }
  },
  60_000,
);

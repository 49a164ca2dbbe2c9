// The client in a browser, on a page of another origin: calls, files, reactions, who types and who is here, reasons of
// errors, headers, and who is kept out.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { type BrowserPage, HAS_CHROMIUM, startPage } from "../support/fronts/browser.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { startCuttingProxy } from "../support/services/cutting-proxy.ts";

/** What the page says of how it followed a conversation. */
interface Followed {
  readonly heard: readonly number[];
  readonly last: number;
  readonly reply: string;
}

describe.skipIf(!HAS_CHROMIUM)("a page of another origin", () => {
  let page: BrowserPage;
  beforeAll(async () => {
    page = await startPage("browser-page.ts");
  });
  afterAll(() => page?.close());

  /** What the page tells of its calls to a server. */
  async function visit(server: IdentityServer, proxy = ""): Promise<unknown> {
    const tenant = await server.tenant();
    for (const id of ["ada", "bob"]) await tenant.addMember(id);
    const admin = (await tenant.key("read", "write", "admin")).credential;
    const parrot = { name: "parrot", connector: { case: "echo", value: { delay: { nanos: 30_000_000 } } } } as const;
    await server.client(AgentService, admin).createAgent({ agent: parrot });
    const key = await tenant.key("read", "write");
    return page.visit({ server: server.url, proxy, key: key.text });
  }

  const works = {
    files: { same: [true, true], told: true, cancelled: "ConnectError: [canceled] never mind" },
    contents: ["Hi there", "Grüße 🌍"],
    meeting: { reactions: [["👍", 1, false]], replies: 1 },
    failure: { code: "NotFound", notFound: true },
    headers: { "x-request-id": true, etag: true, location: true },
    rest: "From REST",
  };

  test("calls a server in the development profile", async () => {
    await using server = await startIdentityServer();
    expect(await visit(server)).toEqual(works);
  });

  test("follows a conversation and hears a reply whole, over lines that are cut again and again", async () => {
    await using server = await startIdentityServer();
    const proxy = await startCuttingProxy(() => server.url);
    let cuts = 0;
    // An upload gets on between two cuts, however busy the machine is: the client gives up where nothing does. Not for
    // ever, for the same reason.
    const cutting = setInterval(() => {
      if (cuts < 40) cuts += proxy.cut(({ up, down }) => up >= 300_000 || (down > 0 && up < 3_000));
    }, 120);
    try {
      const { heard, last, reply, ...rest } = (await visit(server, proxy.url)) as Followed;
      expect(rest).toEqual(works);
      expect(heard).toEqual(Array.from({ length: last }, (_, i) => i + 1));
      expect(reply).toBe("to be or not to be ".repeat(6).trim());
      expect(cuts).toBeGreaterThan(5);
    } finally {
      clearInterval(cutting);
      await proxy.close();
    }
  });

  test("calls one in the production profile that allows its origin", async () => {
    const environment = { COLLOQUY_PROFILE: "production", COLLOQUY_CORS: page.origin };
    await using server = await startIdentityServer({ environment });
    expect(await visit(server)).toEqual(works);
  });

  test("is kept out of one in the production profile that does not", async () => {
    const environment = { COLLOQUY_PROFILE: "production", COLLOQUY_CORS: "https://app.example.com" };
    await using server = await startIdentityServer({ environment });
    expect(await visit(server)).toEqual({ refused: "Failed to fetch" });
  });
});

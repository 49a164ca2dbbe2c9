// What a server says before its response, whether or not anybody asked, is passed over (RFC 9110, section
// 15.2).
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createBoundedFetch } from "../../../src/outbound/bounded-fetch.ts";
import { createBoundedPost } from "../../../src/outbound/bounded-post.ts";
import { createWebFetch } from "../../../src/outbound/web-fetch.ts";

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";
const LONG = "HTTP/1.1 100 Continue\r\nserver: a\r\nx-text: HTTP/1.1 200 OK\r\n\r\n";
const HINTS = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
const BODY = "HTTP/1.1 100 Continue\r\n\r\n100";
const FINAL = `HTTP/1.1 200 OK\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`;
const CASES: Readonly<Record<string, string>> = {
  nothing: "",
  "100": CONTINUE,
  "100 with headers": LONG,
  "100 twice": CONTINUE + CONTINUE,
  "103 and 100": HINTS + CONTINUE,
  "100 and 103": LONG + HINTS,
  "100 after an empty line": `\r\n${CONTINUE}`,
};

/** Writes byte by byte, each in a packet of its own. */
async function trickle(socket: Socket, text: string): Promise<void> {
  for (const byte of text) {
    socket.write(byte);
    await new Promise(setImmediate);
  }
}

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => {});
  socket.on("data", async (data) => {
    const [, form, name = ""] = /^\w+ \/(\w+)\/(\S+) /.exec(String(data)) ?? [];
    if (form === undefined) return;
    const text = (CASES[decodeURIComponent(name)] ?? "") + FINAL;
    if (form === "whole") socket.write(text);
    else await trickle(socket, text);
  });
});
let url: string;
beforeAll(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});
const post = createBoundedPost({}, 1_000);
const asker = createBoundedFetch({ maxBytes: 1_000 });
const web = createWebFetch({ maxBytes: 1_000 });
afterAll(async () => {
  await Promise.all([post.close(), asker.close(), web.close()]);
  server.close();
});

const { signal } = new AbortController();
const ASKERS: Readonly<Record<string, (url: string) => Promise<string>>> = {
  "a post": async (at) => (await post.post({ url: new URL(at), headers: {}, body: "{}", signal })).start,
  "a request": async (at) => await (await asker.fetch(at, { headers: {}, signal })).text(),
  "a request of a package": async (at) => await (await web.fetch(at)).text(),
};

const rows = Object.keys(CASES).flatMap((said) => Object.keys(ASKERS).map((asked) => [asked, said] as const));
test.each(rows)(
  "F-UNASKED-100: %s gets the response after %s, whole and byte by byte, again and again",
  async (asked, said) => {
    for (const form of ["whole", "whole", "bytes", "whole"]) {
      expect(await ASKERS[asked]?.(`${url}/${form}/${encodeURIComponent(said)}`)).toBe(BODY);
    }
  },
);

// F-STALLED-UPLOAD: an upload in pieces whose client falls silent held its connection, and memory, for as long as it
// liked.
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
let key: Credential;
beforeAll(async () => {
  server = await startIdentityServer({ bodyLimits: { bodyTimeoutMs: 1_000 } });
  key = (await (await server.tenant()).key("read", "write", "admin")).credential;
});
afterAll(() => server.close());

const tus = (method: string, path: string, headers: Record<string, string> = {}, body?: string) =>
  fetch(`${server.url}${path}`, {
    method,
    headers: { ...key, "tus-resumable": "1.0.0", ...headers },
    ...(body !== undefined && { body }),
  });

/** Sends what it is given, and reads until the server closes the connection. */
function speak(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    let heard = "";
    socket.on("data", (chunk) => {
      heard += chunk.toString();
    });
    socket.on("error", reject).on("close", () => resolve(heard));
    socket.write(text);
  });
}

test("an upload in pieces that stalls is ended, keeps what came, and goes on from there", async () => {
  const made = await tus("POST", "/v1/uploads", { "upload-length": "10" });
  const path = made.headers.get("location") ?? "";
  const said = await speak(
    [
      `PATCH ${path} HTTP/1.1`,
      "host: localhost",
      `authorization: ${key.authorization}`,
      "tus-resumable: 1.0.0",
      "upload-offset: 0",
      "content-type: application/offset+octet-stream",
      "content-length: 10",
      "",
      "half",
    ].join("\r\n"),
  );
  expect(said).toMatch(/^HTTP\/1.1 504 /);
  expect(said).toContain('"reason":"DEADLINE_EXCEEDED"');
  expect((await tus("HEAD", path)).headers.get("upload-offset")).toBe("4");
  const type = { "content-type": "application/offset+octet-stream" };
  const rest = await tus("PATCH", path, { ...type, "upload-offset": "4" }, " whole");
  expect([rest.status, rest.headers.get("upload-offset")]).toEqual([204, "10"]);
  const file = await fetch(`${server.url}${rest.headers.get("content-location")}/content`, { headers: key });
  expect(await file.text()).toBe("half whole");
});

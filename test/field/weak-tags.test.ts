// F-ETAG: the tag that nginx makes weak when it compresses, in a read and in a write through it.
import { expect, test } from "vitest";
import { HAS_PROXIES, startNginx } from "../support/parts/proxies.ts";
import { startIdentityServer } from "../support/servers/identity-server.ts";

test.skipIf(!HAS_PROXIES)(
  "F-ETAG: a tag that nginx made weak is known to a read, and lets one PATCH happen",
  async () => {
    await using server = await startIdentityServer();
    const key = (await (await server.tenant()).key("read", "write")).credential;
    await using proxy = await startNginx(`
    gzip_types application/json; gzip_proxied any; gzip_min_length 0;
    server { listen 127.0.0.1:PORT; location / { proxy_pass ${server.url}; proxy_set_header Accept-Encoding ""; } }`);
    const headers = { ...key, "content-type": "application/json" };
    const made = await fetch(`${proxy.url}/v1/conversations`, {
      method: "POST",
      headers,
      body: JSON.stringify({ conversation: { title: "t", metadata: { long: "x".repeat(3000) } } }),
    });
    const { id } = (await made.json()) as { id: string };
    const place = `${proxy.url}/v1/conversations/${id}`;
    const read = await fetch(place, { headers: { ...key, "accept-encoding": "gzip" } });
    expect([read.status, read.headers.get("content-encoding")]).toEqual([200, "gzip"]);
    const tag = read.headers.get("etag") ?? "";
    expect(tag).toMatch(/^W\/"1\.0;[\w-]{16}"$/);
    expect((await fetch(place, { headers: { ...key, "if-none-match": tag } })).status).toBe(304);
    const patch = async () =>
      (await fetch(place, { method: "PATCH", headers: { ...headers, "if-match": tag }, body: '{"title":"n"}' })).status;
    expect([await patch(), await patch()]).toEqual([200, 412]);
  },
);

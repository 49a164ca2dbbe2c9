// Errors of access are sentences in the dialects; the API itself says the same in lower case, without a full stop.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DialectServer, sendHttp, startDialects } from "../support/servers/dialect-server.ts";
import type { Credential } from "../support/servers/identity-server.ts";

let dialect: DialectServer;
let writer: Credential;
beforeAll(async () => {
  dialect = await startDialects("callcenter");
  writer = (await dialect.tenant.key("write")).credential;
});
afterAll(() => dialect.close());

test.each<[string, () => Credential, string]>([
  [
    "without a credential",
    () => ({}),
    "A credential is needed: `Authorization: Bearer` with a token or an API key, or `X-API-Key`.",
  ],
  [
    "with two credentials",
    () => ({ authorization: "Bearer a b" }),
    "Authorization must be `Bearer` and one token or API key.",
  ],
  ["with a damaged key", () => ({ "x-api-key": `clq_${"0".repeat(40)}` }), "The API key is refused: it is damaged."],
  ["with a key that lacks the scope", () => writer, 'The API key lacks the scope "read".'],
])("%s", async (_, credential, sentence) => {
  const spoken = await dialect.http("GET", "/conversations/user?call_type=inbound", { credential: credential() });
  expect(spoken.json).toEqual({ detail: sentence });
  const plain = await sendHttp(`${dialect.server.url}/v1/conversations`, "GET", { credential: credential() });
  const own = sentence.replace(/^(?:A|The)(?= )/, (word) => word.toLowerCase()).replace(/\.$/, "");
  expect(plain.json.message).toBe(own);
});

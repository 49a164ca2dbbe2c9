// What a receiver sends back of the request's credentials is not kept.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { withoutCredentials } from "../../../src/outbound/without-credentials.ts";
import { createHttpSinks } from "../../../src/webhooks/sinks/http.ts";

const TOKEN = 'k"ey/9d2f7c1e';

test("a receiver that answers with the headers that it got leaves none of them in the result", async () => {
  const receiver = createServer((request, response) => {
    response.writeHead(500).end(JSON.stringify({ got: request.headers, text: `${TOKEN} ${"x".repeat(50)}` }));
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const sinks = createHttpSinks({ guard: undefined, userAgent: "test" });
  const secret = `whsec_${Buffer.from("a secret of thirty-two bytes ...").toString("base64")}`;
  const sink = sinks.sinkOf({
    url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`,
    headers: { authorization: `Bearer ${TOKEN}`, "x-mode": "on" },
    secrets: () => [secret],
    timeoutMs: 5_000,
  });
  const { responseBody, status } = await sink.send({ id: "1", events: [], batch: true }, new AbortController().signal);
  expect(status).toBe(500);
  expect(responseBody).toContain('"authorization":"[redacted]"');
  expect(responseBody).toContain('"x-mode":"on"');
  expect(responseBody).not.toMatch(/9d2f7c1e/);
  await sinks.close();
  receiver.close();
});

test.each([
  ["its token alone", "no such key: secret-token", ["Bearer secret-token"], "no such key: [redacted]"],
  ["one that the end cuts off", "you sent Bearer secret-t", ["Bearer secret-token"], "you sent [redacted]"],
  ["one in a URL", "/?k=a%20b%2Fc", ["a b/c"], "/?k=[redacted]"],
  ["a signing secret", "whsec_MTIzNA== and MTIzNA==", ["whsec_MTIzNA=="], "[redacted] and [redacted]"],
  [
    "a decoded login, and its password",
    'ada:pass"word is not ada, nor "pass\\"word"',
    [`Basic ${Buffer.from('ada:pass"word').toString("base64")}`],
    '[redacted] is not ada, nor "[redacted]"',
  ],
  ["what is too short to be one", "on and on", ["on"], "on and on"],
])("%s", (_, start, credentials, shown) => {
  expect(withoutCredentials(start, credentials)).toBe(shown);
});

// Files of a request to a model, read while it is sent: the endpoint gets one JSON with the base64 of each.
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MessageRole } from "../../../gen/colloquy/v1/message_pb.ts";
import { createAnthropic } from "../../../src/agents/connectors/anthropic/anthropic.ts";
import { AgentFailure } from "../../../src/agents/connectors/connector.ts";
import { historyBytes } from "../../../src/agents/connectors/history/budget.ts";
import { itemsOf } from "../../../src/agents/connectors/history/items.ts";
import { createOpenAi } from "../../../src/agents/connectors/openai/openai.ts";
import { StreamedFiles } from "../../../src/agents/connectors/streamed-files.ts";
import { ask, inChunks, startUpstream, type Upstream } from "../../support/services/upstream.ts";

let upstream: Upstream;
beforeAll(async () => {
  upstream = await startUpstream();
});
afterAll(() => upstream.close());

const fileOf = (bytes: Uint8Array, cuts: readonly number[] = []) => ({
  size: bytes.length,
  read: () => inChunks(bytes, cuts),
});
const partsWith = (url: string, mediaType: string) => JSON.stringify([{ file: { name: "x", mediaType, url } }]);

test("any bytes in any pieces, named anywhere and often, are the JSON that has their base64", async () => {
  const texts = fc.array(fc.oneof(fc.string(), fc.constant("~file:00000000-0000-0000-0000-000000000000:0:1~")));
  const files = fc.array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.array(fc.nat(300))), {
    minLength: 1,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(files, texts, fc.array(fc.nat(3)), async (all, said, order) => {
      const streamed = new StreamedFiles();
      const known = all.map(([bytes, cuts]) => [streamed.add(fileOf(bytes, cuts)), Buffer.from(bytes)] as const);
      const json = (of: (index: number) => string) =>
        JSON.stringify([said, [0, ...order].map((index) => `data:;base64,${of(index % known.length)}`)]);
      const body = streamed.bodyOf(json((index) => known[index]?.[0] ?? ""));
      if (typeof body === "string") throw new Error("nothing stands in it");
      const sent = Buffer.concat(await Array.fromAsync(body));
      expect(sent.toString()).toBe(json((index) => known[index]?.[1].toString("base64") ?? ""));
      expect(body.length).toBe(sent.length);
    }),
    { numRuns: 60 },
  );
  expect(new StreamedFiles().bodyOf("{}")).toBe("{}");
});

describe.each([
  ["openai", (bounded: Upstream["bounded"]) => createOpenAi(bounded), "image/png"],
  ["openai", (bounded: Upstream["bounded"]) => createOpenAi(bounded), "audio/wav"],
  ["anthropic", (bounded: Upstream["bounded"]) => createAnthropic(bounded), "image/png"],
  ["anthropic", (bounded: Upstream["bounded"]) => createAnthropic(bounded), "application/pdf"],
] as const)("%s", (_, factory, mediaType) => {
  test(`an endpoint is told the length of a body with ${mediaType}, and gets the bytes`, async () => {
    upstream.calls.length = 0;
    upstream.answer = (response) => response.writeHead(400).end("{}");
    const bytes = randomBytes(700_001);
    const files = new StreamedFiles();
    const url = `data:${mediaType};base64,${files.add(fileOf(bytes, [1, 262_144]))}`;
    const settings = { baseUrl: upstream.url, model: "m" };
    const messages = [{ role: MessageRole.USER, content: "", parts: partsWith(url, mediaType) }];
    await ask(factory(upstream.bounded), { settings, messages, files });
    const [call] = upstream.calls;
    const text = JSON.stringify(call?.body);
    expect(text.split(bytes.toString("base64"))).toHaveLength(2);
    expect(call?.headers["content-length"]).toBe(String(text.length));
  });

  test(`a file of ${mediaType} that cannot be read ends the attempt, and is no fault of the agent`, async () => {
    const files = new StreamedFiles();
    const unread = new AgentFailure("gone", { health: "up" });
    const read = () => {
      throw unread;
    };
    const url = `data:${mediaType};base64,${files.add({ size: 5, read })}`;
    const settings = { baseUrl: upstream.url, model: "m" };
    const messages = [{ role: MessageRole.USER, content: "", parts: partsWith(url, mediaType) }];
    const { failure } = await ask(factory(upstream.bounded), { settings, messages, files });
    expect(failure).toBe(unread);
  });
});

test("a history counts a file by its size, not by what stands for it", () => {
  const url = `data:application/pdf;base64,${new StreamedFiles().add({ size: 90_000, read: () => inChunks(randomBytes(1), []) })}`;
  const bytes = historyBytes(
    itemsOf([{ role: MessageRole.USER, content: "", parts: partsWith(url, "application/pdf") }]),
  );
  expect(bytes).toBeGreaterThan(90_000);
});

// F-COMPOSED: what a dialect's answer of many pages keeps of its messages is what it shows: their parts go with the page.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { PartSchema } from "../../../gen/colloquy/v1/part_pb.ts";
import { toMessage } from "../../../src/dialects/crm/convert.ts";
import { readBatch, readMessages } from "../../../src/dialects/shared/message-batches.ts";
import { collect } from "../../../src/dialects/shared/numbered-pages.ts";
import type { Canonical } from "../../../src/services/in-process/in-process.ts";

const message = create(MessageSchema, {
  id: "m",
  conversationId: "c",
  content: "shown",
  parts: [create(PartSchema, { content: { case: "text", value: { text: "a tool's long result" } } })],
});
const budget = { bytes: 0, add: async () => {}, addBytes: async () => {} };
const conversations = [{ conversationId: "c", messages: [message] }];
const canonical = {
  responseBudget: () => budget,
  call: async () => ({ conversations, remainingIds: [], nextAfterSeq: 0n }),
} as unknown as Canonical;
const ALL = { conversationIds: ["c"], maxMessages: 9, afterSeq: 0n };

test.each([
  ["of conversations", async () => (await readMessages(canonical, {} as never, ["c"])).get("c")],
  ["of a batch", async () => (await readBatch(canonical, {} as never, budget, ALL)).conversations[0]?.messages],
  [
    "of a numbered page",
    async () => (await collect(budget, 9, async () => ({ items: [message], nextPageToken: "" }), toMessage)).items,
  ],
])("F-COMPOSED: messages %s", async (_, read) => {
  const kept = await read();
  expect(kept).toMatchObject([{ id: "m", content: "shown" }]);
  expect(JSON.stringify(kept)).not.toContain("long result");
});

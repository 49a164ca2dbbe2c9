// What the console sends, tried again after a response that was lost.
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { createRepeats } from "../../../console/src/api/repeats.ts";
import {
  arrived,
  begun,
  failed,
  messageOf,
  NOTHING,
  typed,
} from "../../../console/src/conversation/composer/sending.ts";
import { LegalHoldService } from "../../../gen/colloquy/v1/legal_hold_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { ReactionService } from "../../../gen/colloquy/v1/reaction_service_pb.ts";

describe("a box that one writes in", () => {
  let made = 0;
  const newId = () => `id-${++made}`;
  const sent = (text: string) => {
    const next = begun(typed(NOTHING, text), newId);
    if (next === undefined) throw new Error("nothing was sent");
    return next;
  };

  test("F-CONSOLE-6: sends the same text again as the same message, and another text as another", () => {
    const first = sent("hello");
    const lost = failed(first, first.attempt.id, new Error("lost"));
    expect(lost).toMatchObject({ content: "hello", isBusy: false });
    expect(begun(lost, newId)?.attempt).toEqual(first.attempt);
    expect(begun(typed(lost, "hello!"), newId)?.attempt.id).not.toBe(first.attempt.id);
    // Once it is there, the same text is said a second time.
    const there = typed(arrived(lost, first.attempt.id), "hello");
    expect(begun(there, newId)?.attempt.id).not.toBe(first.attempt.id);
  });

  test("is emptied, without the error, by a message that arrives after its call has failed", () => {
    const first = sent("hello");
    const { id } = first.attempt;
    expect(arrived(failed(first, id, new Error("lost")), id)).toEqual(NOTHING);
    expect(failed(arrived(first, id), id, new Error("lost"))).toEqual(NOTHING);
    expect(arrived(first, "another")).toBe(first);
  });

  test("sends files with what is written or alone, and the same ones again as the same message", () => {
    const first = begun(NOTHING, newId, ["f-1"]);
    if (first === undefined) throw new Error("nothing was sent");
    const { id } = first.attempt;
    const lost = failed(first, id, new Error("lost"));
    expect(begun(lost, newId, ["f-1"])?.attempt).toEqual(first.attempt);
    expect(begun(lost, newId, ["f-1", "f-2"])?.attempt.id).not.toBe(id);
    const part = { content: { case: "file", value: { source: { case: "fileId", value: "f-1" } } } };
    expect(messageOf(first.attempt)).toEqual({ clientId: id, parts: [part] });
    const said = { content: { case: "text", value: { text: "see" } } };
    expect(messageOf({ id, text: "see", fileIds: ["f-1"] })).toEqual({ clientId: id, parts: [said, part] });
    expect(messageOf({ id, text: "see" })).toEqual({ clientId: id, content: "see" });
  });

  test("sends once what is sent twice, and nothing that is empty", () => {
    expect(begun(sent("hello"), newId)).toBeUndefined();
    expect(begun(typed(NOTHING, " \n"), newId)).toBeUndefined();
  });

  test.each([
    ["first", ""],
    ["first\nand a second", "and a second"],
    ["first, no: something else", "first, no: something else"],
    ["quite another", "quite another"],
    ["", ""],
  ])("keeps of %j what was not sent: %j", (content, left) => {
    const first = sent("first");
    expect(arrived(typed(first, content), first.attempt.id)).toEqual({ content: left, isBusy: false });
  });
});

describe("calls that are tried again", () => {
  const ids: string[] = [];
  let isLost = false;
  let time = 0;
  const answer = ({ requestId }: { requestId: string }) => {
    ids.push(requestId);
    if (isLost) throw new Error("lost");
    return {};
  };
  const transport = createRouterTransport(
    ({ service }) => {
      service(LegalHoldService, { createLegalHold: answer });
      service(MessageService, { updateMessage: answer, deleteMessage: answer, restoreMessage: answer });
      service(ReactionService, { addReaction: answer });
    },
    { transport: { interceptors: [createRepeats(() => time)] } },
  );
  const holds = createClient(LegalHoldService, transport);
  const messages = createClient(MessageService, transport);
  const tried = async (work: () => Promise<unknown>, lost = false) => {
    isLost = lost;
    await work().catch(() => {});
    return ids.at(-1);
  };

  test("have the id of the first one until a response has come, or much later", async () => {
    const create = (reason = "Audit") => holds.createLegalHold({ legalHold: { reason } });
    const first = await tried(create, true);
    expect(first).toMatch(/^[0-9a-f-]{36}$/);
    expect(await tried(() => create("Court"), true)).not.toBe(first);
    expect(await tried(create, true)).toBe(first);
    expect(await tried(create)).toBe(first);
    const second = await tried(create, true);
    expect(second).not.toBe(first);
    time += 600_000;
    expect(await tried(create)).not.toBe(second);
  });

  test("of large ones the latest are known, in a bounded number of bytes", async () => {
    const create = (reason: string) => holds.createLegalHold({ legalHold: { reason: reason.repeat(1_500_000) } });
    const [a, b, c] = [
      await tried(() => create("a"), true),
      await tried(() => create("b"), true),
      await tried(() => create("c"), true),
    ];
    expect(await tried(() => create("c"), true)).toBe(c);
    expect(await tried(() => create("b"), true)).toBe(b);
    expect(await tried(() => create("a"), true)).not.toBe(a);
  });

  test("have another id after another change", async () => {
    const remove = () => messages.deleteMessage({ messageId: "m" });
    const first = await tried(remove, true);
    await tried(() => messages.restoreMessage({ messageId: "m" }));
    expect(await tried(remove)).not.toBe(first);
  });

  test("have one where they are conditional, and none where a repeat does no harm", async () => {
    const change = () => messages.updateMessage({ messageId: "m", etag: "e" });
    const first = await tried(change, true);
    expect(first).not.toBe("");
    expect(await tried(change)).toBe(first);
    const { addReaction } = createClient(ReactionService, transport);
    expect(await tried(() => addReaction({ messageId: "m", reaction: "x" }))).toBe("");
    expect(await tried(() => messages.deleteMessage({ messageId: "m", requestId: "own" }))).toBe("own");
  });
});

import { describe, expect, test } from "vitest";
import { MessageKind, MessageRole } from "../../../../gen/colloquy/v1/message_pb.ts";
import { diffMessages, type MessageDraft, type StoredMessage } from "../../../../src/domain/messages/diff.ts";

function draft(content: string, extra: Partial<MessageDraft> = {}): MessageDraft {
  const unsaid = {
    metadata: undefined,
    clientTime: undefined,
    parts: undefined,
    clientId: undefined,
    senderName: undefined,
  };
  return { kind: MessageKind.MESSAGE, role: MessageRole.USER, content, ...unsaid, ...extra };
}

function stored(seq: number, content: string, extra: Partial<MessageDraft> = {}): StoredMessage {
  return { ...draft(content, extra), id: `id-${seq}`, seq: BigInt(seq), revision: 0, createTime: new Date(1000) };
}

describe("the difference between two message lists", () => {
  test("is nothing when they are equal", () => {
    expect(diffMessages([stored(1, "a"), stored(2, "b")], [draft("a"), draft("b")])).toEqual({
      unchanged: 2,
      edits: [],
      deletions: [],
      additions: [],
    });
  });

  test("edits what changed in its place", () => {
    const before = stored(2, "b");
    const diff = diffMessages([stored(1, "a"), before], [draft("a"), draft("B")]);
    expect(diff).toEqual({ unchanged: 1, edits: [{ before, ...draft("B") }], deletions: [], additions: [] });
  });

  test("deletes what is past the end of the new list", () => {
    const diff = diffMessages([stored(1, "a"), stored(2, "b")], [draft("a")]);
    expect(diff).toEqual({ unchanged: 1, edits: [], deletions: [stored(2, "b")], additions: [] });
  });

  test("adds what is past the end of the old list", () => {
    const diff = diffMessages([], [draft("a"), draft("b")]);
    expect(diff).toEqual({ unchanged: 0, edits: [], deletions: [], additions: [draft("a"), draft("b")] });
  });

  test("keeps metadata and client time that the new list does not mention", () => {
    const known = { metadata: { a: 1 }, clientTime: new Date(5) };
    expect(diffMessages([stored(1, "a", known)], [draft("a")]).unchanged).toBe(1);
    expect(diffMessages([stored(1, "a", known)], [draft("b")]).edits).toEqual([
      { before: stored(1, "a", known), ...draft("b", known) },
    ]);
  });

  test("takes the time at which the store took a message for unsaid where no other was said", () => {
    const [taken, other] = [{ clientTime: new Date(1000) }, { clientTime: new Date(5) }];
    expect(diffMessages([stored(1, "a")], [draft("a", taken)]).unchanged).toBe(1);
    expect(diffMessages([stored(1, "a", other)], [draft("a", taken)]).edits).toHaveLength(1);
    expect(diffMessages([stored(1, "a")], [draft("b", taken)]).edits[0]?.clientTime).toBeUndefined();
  });

  test("does not care in which order metadata names its keys", () => {
    const diff = diffMessages(
      [stored(1, "a", { metadata: { x: 1, y: 2 } })],
      [draft("a", { metadata: { y: 2, x: 1 } })],
    );
    expect(diff.unchanged).toBe(1);
  });

  test("sees a changed role, time or metadata", () => {
    const edits = (wanted: Partial<MessageDraft>) => diffMessages([stored(1, "a")], [draft("a", wanted)]).edits.length;
    expect([
      edits({ role: MessageRole.SYSTEM }),
      edits({ clientTime: new Date(1) }),
      edits({ metadata: { a: null } }),
      edits({}),
    ]).toEqual([1, 1, 1, 0]);
  });
});

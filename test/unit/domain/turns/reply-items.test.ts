// The items of a reply, from what agents really send.
import { expect, test } from "vitest";
import { ReplyItems } from "../../../../src/domain/turns/reply-items.ts";

test("a call whose id and name hold half a surrogate pair takes its arguments", () => {
  const none = () => undefined;
  const items = new ReplyItems({ step: 1, begun: false, bytes: 0, newId: () => "e1", placeOf: none, typeOf: none });
  const callId = "call-\ud800";
  items.take({ kind: "tool_call", callId, name: "look\udc00" });
  items.take({ kind: "arguments", callId, text: '{"at": ' });
  items.take({ kind: "arguments", callId, text: "1}" });
  items.end();
  expect(items.items[0]?.head.call).toMatchObject({ callId: "call-\ufffd", name: "look\ufffd" });
  expect(items.items[0]?.toParts()[0]?.content.value).toMatchObject({ arguments: '{"at": 1}' });
});

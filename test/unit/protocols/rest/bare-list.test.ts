// Lists that JSON writes without the message around them.
import { create, type Message } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import {
  type Conversation,
  ConversationSchema,
} from "../../../../gen/colloquy/compat/callcenter/v1/conversation_pb.ts";
import {
  type CreateConversationRequest,
  CreateConversationRequestSchema,
} from "../../../../gen/colloquy/compat/callcenter/v1/conversation_service_pb.ts";
import { RestProblem } from "../../../../src/protocols/rest/binding/problem.ts";
import { readField, readMessage } from "../../../../src/protocols/rest/request/json/read.ts";
import { createJsonWriter } from "../../../../src/protocols/rest/response/json-write.ts";

const options = { ignoreUnknownFields: true };
const read = (json: unknown) => readMessage(ConversationSchema, JSON.stringify(json), options) as Conversation;

describe("a field with the option bare_list", () => {
  test("is read from a list", () => {
    const { messages } = read({ messages: [{ role: "user", content: "Hello" }] });
    expect(messages?.messages).toMatchObject([{ role: "user", content: "Hello" }]);
  });

  test("tells an empty list from none", () => {
    expect(read({ messages: [] }).messages?.messages).toEqual([]);
    expect(read({}).messages).toBeUndefined();
    expect(read({ messages: null }).messages).toBeUndefined();
  });

  test("is read where its message is the body of a request", () => {
    const target = create(CreateConversationRequestSchema) as CreateConversationRequest;
    const [field] = CreateConversationRequestSchema.fields;
    readField(target as Message, CreateConversationRequestSchema, field!, '{"messages":[{"role":"user"}]}', options);
    expect(target.conversation?.messages?.messages).toMatchObject([{ role: "user", content: "" }]);
  });

  test.each([
    [{ messages: { messages: [] } }, "messages", "must be an array"],
    [{ messages: "none" }, "messages", "must be an array"],
    [{ messages: [{ role: 1 }] }, "messages[0].role", "must be a string"],
    [{ messages: [{}, "two"] }, "messages[1]", "must be an object"],
  ])("refuses %j and names the item", (json, field, description) => {
    expect(() => read(json)).toThrow(RestProblem);
    try {
      read(json);
    } catch (error) {
      expect((error as RestProblem).violations).toMatchObject([{ field, description }]);
    }
  });

  test.each([
    '{"title":"a","title":"b"}',
    '{"messages":[{"role":"user","role":"system"}]}',
    '{"metadata":{"a":1,"a":2}}',
  ])("refuses a name that is given twice: %s", (text) => {
    const broken = () => readMessage(ConversationSchema, text, options);
    expect(broken).toThrow("must not hold a name twice");
  });

  test("is written as the list, and left out while it is unset", () => {
    const { message } = createJsonWriter();
    const json = (messages?: { messages: { role: string }[] }) =>
      JSON.parse(message(ConversationSchema, create(ConversationSchema, messages && { messages }))) as object;
    expect(json({ messages: [{ role: "user" }] })).toMatchObject({ messages: [{ role: "user", content: "" }] });
    expect(json({ messages: [] })).toMatchObject({ messages: [] });
    expect(json()).not.toHaveProperty("messages");
  });
});

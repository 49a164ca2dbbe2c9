// How a dialect's call calls the services.
import { create, type DescMethod } from "@bufbuild/protobuf";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { ConversationService as Assistant } from "../../../gen/colloquy/compat/assistant/v1/conversation_service_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { DomainError, ErrorReason } from "../../../src/domain/errors.ts";
import type { CallContext } from "../../../src/pipeline/call/call.ts";
import type { ServiceEntry } from "../../../src/pipeline/service.ts";
import { createCanonical } from "../../../src/services/in-process/in-process.ts";

const { getConversation, createConversation, deleteConversation } = ConversationService.method;
const READS_ITS_ANSWER = Assistant.method.createConversation;
const OUTER = Assistant.method.updateConversation;

function setUp(options: { idempotencyKey?: string; forbidden?: DescMethod } = {}) {
  const seen: { request: unknown; context: CallContext }[] = [];
  let refusals = 0;
  const handler = async (request: unknown, context: CallContext) => {
    if (refusals-- > 0) throw new DomainError(ErrorReason.OVERLOADED, "busy");
    seen.push({ request, context });
    return { conversation: { id: "c1" } };
  };
  const handlers = { getConversation: handler, createConversation: handler, deleteConversation: handler };
  const services: ServiceEntry[] = [{ service: ConversationService, handlers, open: false }];
  const context: CallContext = {
    method: OUTER,
    wire: "rest",
    requestId: "r1",
    idempotencyKey: options.idempotencyKey,
    principal: { kind: "member", tenantId: "t", memberId: "ada", role: "member" },
    address: "192.0.2.1",
    signal: new AbortController().signal,
    interrupt: new AbortController().signal,
    deadline: 5,
    log: pino({ enabled: false }),
    header: (name) => `header ${name}`,
    setHeader: () => {},
    setStatus: () => {},
    onceOver: () => {},
    onceSent: () => {},
    flushHeaders: () => {},
    held: () => {},
  };
  const canonical = createCanonical({
    services,
    permit: (_, method) => {
      if (method === options.forbidden) throw new DomainError(ErrorReason.PERMISSION_DENIED, "no");
    },
    callsOf: (method) => (method === READS_ITS_ANSWER ? [] : [getConversation, createConversation]),
    answersOf: (method) => (method === READS_ITS_ANSWER ? [getConversation] : []),
  });
  const refuse = (times: number) => {
    refusals = times;
  };
  return { canonical, context, seen, refuse };
}

describe("a nested call", () => {
  test("is made as the same caller, with the same request id, deadline and signal", async () => {
    const { canonical, context, seen } = setUp();
    const answer = await canonical.call(context, getConversation, { conversationId: "c1" });
    expect(answer).toEqual(create(getConversation.output, { conversation: { id: "c1" } }));
    const { principal, requestId, deadline, signal, address, wire } = context;
    expect(seen[0]?.context).toMatchObject({ principal, requestId, deadline, address, wire, method: getConversation });
    expect(seen[0]?.context.signal).toBe(signal);
    expect(seen[0]?.context.header("x")).toBe("header x");
  });

  test("is validated like any other", async () => {
    const { canonical, context, seen } = setUp();
    const broken = canonical.call(context, getConversation, { conversationId: "" });
    await expect(broken).rejects.toMatchObject({ reason: ErrorReason.INVALID_FIELD });
    expect(seen).toEqual([]);
  });

  test("is held to the caller's permissions", async () => {
    const { canonical, context, seen } = setUp({ forbidden: createConversation });
    await expect(canonical.call(context, createConversation, {})).rejects.toMatchObject({
      reason: ErrorReason.PERMISSION_DENIED,
    });
    expect(seen).toEqual([]);
  });

  test("asks for nothing more where the method reads its own answer", async () => {
    const { canonical, context } = setUp({ forbidden: getConversation });
    const request = { conversationId: "c1" };
    await expect(canonical.call(context, getConversation, request)).rejects.toMatchObject({
      reason: ErrorReason.PERMISSION_DENIED,
    });
    await canonical.call({ ...context, method: READS_ITS_ANSWER }, getConversation, request);
  });

  test("is a defect where the method does not say that it calls this", async () => {
    const { canonical, context, seen } = setUp();
    const undeclared = canonical.call(context, deleteConversation, { conversationId: "c1" });
    await expect(undeclared).rejects.toThrow(/does not say that it calls/);
    expect(seen).toEqual([]);
  });

  test("waits for a busy database once the call has acted, and not before", async () => {
    const { canonical, context, seen, refuse } = setUp();
    const request = { conversationId: "c1" };
    refuse(1);
    await expect(canonical.call(context, getConversation, request)).rejects.toMatchObject({
      reason: ErrorReason.OVERLOADED,
    });
    await canonical.once(context, createConversation, {});
    refuse(2);
    await canonical.call(context, getConversation, request);
    expect(seen.length).toBe(2);
  });

  test("has the idempotency key only where it is told to act once, apart from other methods' keys", async () => {
    const { canonical, context, seen } = setUp({ idempotencyKey: "k" });
    await canonical.call(context, createConversation, {});
    await canonical.once(context, createConversation, {});
    expect(seen.map((call) => call.context.idempotencyKey)).toEqual([
      undefined,
      "colloquy.compat.assistant.v1.ConversationService/UpdateConversation k",
    ]);
    const { canonical: keyless, context: other, seen: calls } = setUp();
    await keyless.once(other, createConversation, {});
    expect(calls[0]?.context.idempotencyKey).toBeUndefined();
  });
});

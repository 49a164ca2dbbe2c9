import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { ListMessagesRequestSchema } from "../../../../gen/colloquy/v1/message_service_pb.ts";
import { DomainError, ErrorReason } from "../../../../src/domain/errors.ts";
import { bindingOf, openCursor, type PageScope, sealCursor } from "../../../../src/domain/lists/page-token.ts";

function scope(change: Partial<PageScope> & { conversationId?: string; caller?: string } = {}): PageScope {
  const { conversationId = "c1", caller = "member:alice", ...rest } = change;
  const request = create(ListMessagesRequestSchema, { conversationId, pageSize: 10, pageToken: "whatever" });
  const binding = bindingOf(ListMessagesRequestSchema, request, caller);
  return { tenantId: "t1", secret: Buffer.alloc(32, 1), binding, ...rest };
}

function reasonOf(work: () => unknown): ErrorReason | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof DomainError ? error.reason : undefined;
  }
}

describe("a page token", () => {
  test("gives back the cursor that it holds", () => {
    expect(openCursor(scope(), sealCursor(scope(), ["12", "x"]))).toEqual(["12", "x"]);
  });

  test("may come with another page size", () => {
    const request = create(ListMessagesRequestSchema, { conversationId: "c1", pageSize: 77 });
    const binding = bindingOf(ListMessagesRequestSchema, request, "member:alice");
    expect(openCursor(scope({ binding }), sealCursor(scope(), ["12"]))).toEqual(["12"]);
  });

  const others: [string, PageScope][] = [
    ["another tenant", scope({ tenantId: "t2" })],
    ["another secret", scope({ secret: Buffer.alloc(32, 2) })],
    ["another argument", scope({ conversationId: "c2" })],
    ["another caller", scope({ caller: "member:bob" })],
  ];
  test.each(others)("is refused for %s", (_, other) => {
    expect(reasonOf(() => openCursor(other, sealCursor(scope(), ["12"])))).toBe(ErrorReason.INVALID_PAGE_TOKEN);
  });

  test("is refused when any of its characters changes", () => {
    const token = sealCursor(scope(), ["12"]);
    for (let index = 0; index < token.length; index++) {
      const damaged = token.slice(0, index) + (token[index] === "A" ? "B" : "A") + token.slice(index + 1);
      expect(
        reasonOf(() => openCursor(scope(), damaged)),
        damaged,
      ).toBe(ErrorReason.INVALID_PAGE_TOKEN);
    }
  });

  test.each(["", "x", "!!!!", "AAAA", `${sealCursor(scope(), ["12"])}=`, "é".repeat(40)])("%j is refused", (token) => {
    expect(reasonOf(() => openCursor(scope(), token))).toBe(ErrorReason.INVALID_PAGE_TOKEN);
  });
});

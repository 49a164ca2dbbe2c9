// The one table of errors, and how an unforeseen failure is logged.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Code } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { describe, expect, it } from "vitest";
import { ErrorReasonSchema } from "../../../gen/colloquy/v1/error_reason_pb.ts";
import { DomainError, ErrorReason } from "../../../src/domain/errors.ts";
import { codeOf, reasonName, toConnectError } from "../../../src/pipeline/errors.ts";
import { describeFailure } from "../../../src/telemetry/log-errors.ts";
import { look } from "../../support/errors.ts";

const contract = readFileSync(join(import.meta.dirname, "../../../proto/colloquy/v1/error_reason.proto"), "utf8");
/** Each reason with the code that its comment begins with. */
const documented = [
  ...contract.matchAll(/\/\/ ([A-Z_]+): (?:.*\n\s*(?:\/\/.*\n\s*)*)ERROR_REASON_([A-Z_]+) = (\d+);/g),
].map(([, code = "", name = "", number]) => ({ code, name, reason: Number(number) as ErrorReason }));

describe("every reason of the contract", () => {
  it("is documented with its code", () => {
    expect(documented.map(({ name }) => `ERROR_REASON_${name}`)).toEqual(
      ErrorReasonSchema.values.filter(({ number }) => number !== 0).map(({ name }) => name),
    );
  });

  it.each(documented)("$name is sent as $code", ({ code, name, reason }) => {
    expect(reasonName(reason)).toBe(name);
    expect(codeToString(codeOf(reason)).toUpperCase()).toBe(code === "CANCELLED" ? "CANCELED" : code);
  });

  it("is unforeseen if a newer contract has it and this table does not", () => {
    expect(codeOf(9_999 as ErrorReason)).toBe(Code.Internal);
    expect(reasonName(9_999 as ErrorReason)).toBe("INTERNAL");
  });
});

describe("an error on the wire", () => {
  it("stays below the 8 KiB that gRPC clients take, however much it echoes", () => {
    const violations = Array.from({ length: 1_000 }, (_, i) => ({
      field: `metadata["${"f".repeat(5_000)}"][${i}]`,
      description: "d".repeat(5_000),
      rule: "r.".repeat(5_000),
    }));
    const error = toConnectError(
      new DomainError(ErrorReason.INVALID_FIELD, "m".repeat(100_000), {
        violations,
        metadata: { key: "v".repeat(5_000) },
        quota: { subject: "s".repeat(5_000), description: "d".repeat(5_000) },
        retryAfterMs: 5,
      }),
    );
    const trailers = setTrailerStatus(new Headers(), error);
    const bytes = [...trailers].reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
    expect(bytes).toBeLessThan(8_192);
    const { fields, rules, message } = look(error);
    expect(fields.length).toBeGreaterThan(1);
    expect(rules[0]).toMatch(/^[A-Z][A-Z0-9_]{1,62}$/);
    expect(message).toHaveLength(1_022);
  });

  it("cuts between characters and mends half ones", () => {
    const { message } = look(toConnectError(new DomainError(ErrorReason.CONFLICT, "\ud83d👋".repeat(1_000))));
    expect(message.isWellFormed()).toBe(true);
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(1_024);
    expect(message).toMatch(/^(\ufffd👋)+\ufffd?…$/u);
  });

  it("keeps what is internal to itself", () => {
    const failure = new DomainError(ErrorReason.INTERNAL, "CANARY", { metadata: { a: "CANARY" }, cause: "CANARY" });
    const error = toConnectError(failure);
    expect(look(error)).toMatchObject({ message: "internal error", reason: "INTERNAL", metadata: {} });
    expect(error.cause).toBeUndefined();
  });
});

describe("an unforeseen failure in the log", () => {
  class DriverError extends Error {
    readonly detail = "Key (text)=(CANARY)";
    readonly code = "23505";
  }

  it("shows class, code and frames, but no message of a driver or parser, which quote their input", () => {
    const cause = new DriverError("insert into message values ('CANARY')\n    with CANARY");
    const logged = describeFailure(new Error("storing failed", { cause }));
    expect(logged).toMatchObject({
      type: "Error",
      message: "storing failed",
      cause: { type: "DriverError", code: "23505" },
    });
    expect(logged.cause?.stack.length).toBeGreaterThan(0);
    expect(JSON.stringify(logged)).not.toContain("CANARY");
  });

  it("shows nothing of what is not even an error", () => {
    expect(describeFailure("CANARY")).toEqual({ type: "string", stack: [] });
  });

  it("follows causes that go in circles only so far", () => {
    const error = new Error("a");
    error.cause = error;
    expect(JSON.stringify(describeFailure(error)).length).toBeLessThan(20_000);
  });
});

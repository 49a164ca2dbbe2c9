// Converts errors of Connect's own code to errors of the contract.
import { Code, ConnectError } from "@connectrpc/connect";
import type { ShapeFault } from "../../../codec/shape-fault.ts";
import { DomainError, ErrorReason, malformed, tooLarge } from "../../../domain/errors.ts";
import { invalid } from "../../../pipeline/validation/validation.ts";

/** Wraps a failure so that it passes through Connect's code unchanged; `failureOf` unwraps it. */
export function carry(failure: unknown): ConnectError {
  return new ConnectError("carried", Code.Unknown, undefined, undefined, failure);
}

/** The same as the promise, its failure carried. */
export function carried<T>(promise: Promise<T>): Promise<T> {
  return promise.catch((failure: unknown) => {
    throw carry(failure);
  });
}

/** What is wrong with the shape of a text, as every wire except REST reports it. */
export function failureOfShape({ field, message, rule }: ShapeFault): DomainError {
  if (rule === undefined) return malformed(message);
  return field === "" ? malformed(`the body ${message}`) : invalid([{ field, description: message, rule }]);
}

/**
 * What an error of Connect's means. Connect has no types for these, so its codes decide, and for INTERNAL its texts:
 * it reports a message that does not decode so. Its texts quote the input and are not handed on.
 */
export function failureOf(error: unknown, readMaxBytes: number): unknown {
  if (!(error instanceof ConnectError)) return error;
  if (error.code === Code.Unknown && error.rawMessage === "carried") return error.cause;
  switch (error.code) {
    case Code.ResourceExhausted:
      return error.rawMessage.includes("writeMaxBytes")
        ? new DomainError(ErrorReason.TOO_LARGE, "the response is too large to send; ask for less")
        : tooLarge(readMaxBytes);
    case Code.Unimplemented:
      return new DomainError(ErrorReason.UNSUPPORTED, "the method takes one request message");
    case Code.InvalidArgument:
      // Thrown by our own reading of the text, see json-text.ts.
      if (error.cause instanceof DomainError) return error.cause;
      return malformed(describe(error), error);
    case Code.Internal:
      return /^(parse binary:|received compressed envelope|protocol error:)/.test(error.rawMessage)
        ? malformed(describe(error), error)
        : error;
    default:
      return error;
  }
}

/** Words of the decoder, after what is the sender's own, and the rule that is broken. */
const BROKEN_RULES: readonly (readonly [end: RegExp, rule: string])[] = [
  [/: invalid UTF8$/, "must not hold half of a surrogate pair"],
  [/: set multiple times$/, "must not be set twice"],
  [/: duplicate object key "[^"]*"$/, "must not hold a name twice"],
  [/: invalid RFC 3339 string$/, "must be a time such as 2026-01-31T12:00:00Z"],
  [/ out of range$/, "must be in its type's range"],
];

function brokenRule(text: string): string {
  return BROKEN_RULES.find(([end]) => end.test(text))?.[1] ?? "has a value of the wrong kind";
}

/** Keeps of Connect's text only what names a field or a kind of damage. */
function describe({ rawMessage: text, cause }: ConnectError): string {
  if (cause instanceof Error && cause.cause instanceof SyntaxError) {
    const at = /at position \d+/.exec(cause.cause.message)?.[0];
    return `the body must be JSON${at === undefined ? "" : `: it breaks ${at}`}`;
  }
  const field = /cannot decode (?:field|message|enum) ([\w.]+) from JSON/.exec(text)?.[1];
  if (field !== undefined) return `the body does not decode: ${field} ${brokenRule(text)}`;
  if (text.startsWith("parse binary:")) return "the body is not a well-formed Protobuf message";
  if (text.startsWith("received compressed envelope"))
    return "a message is marked compressed, but no compression is named";
  if (text.startsWith("protocol error:")) return "the body does not have the length that it promises";
  return "the body is not well-formed";
}

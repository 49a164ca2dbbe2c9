// The parts of an error that tests compare: its code, reason and broken rules.
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";

export interface Seen {
  readonly code: string;
  readonly reason: string | undefined;
  readonly message: string;
  readonly fields: readonly string[];
  readonly rules: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly retrySeconds: number | undefined;
}

export function look(error: unknown): Seen {
  const e = ConnectError.from(error);
  const [info] = e.findDetails(ErrorInfoSchema);
  const violations = e.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations);
  const [retry] = e.findDetails(RetryInfoSchema);
  const delay = retry?.retryDelay;
  return {
    code: Code[e.code],
    reason: info?.domain === "colloquy" ? info.reason : undefined,
    message: e.rawMessage,
    fields: violations.map((violation) => violation.field),
    rules: violations.map((violation) => violation.reason),
    metadata: info?.metadata ?? {},
    retrySeconds: delay === undefined ? undefined : Number(delay.seconds) + delay.nanos / 1e9,
  };
}

/** The error that a promise rejects with; it is a failure of the test if it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<Seen> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ("value" in outcome) throw new Error(`expected a failure, got ${String(outcome.value)}`);
  return look(outcome.error);
}

/** The reason of a call's failure, such as `NOT_FOUND`; undefined if it succeeds. */
export async function reasonOf(calling: Promise<unknown>): Promise<string | undefined> {
  try {
    await calling;
    return undefined;
  } catch (thrown) {
    const { reason, code, message } = look(thrown);
    return reason ?? `${code} without a reason: ${message}`;
  }
}

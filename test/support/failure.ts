// The error of a call that must fail.
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";

export interface Failure {
  readonly code: string;
  readonly reason: string | undefined;
  readonly message: string;
}

/** The code, reason and message with which a call fails. */
export async function failureOf(call: Promise<unknown>): Promise<Failure> {
  const error = ConnectError.from(
    await call.then(
      () => new Error("it succeeded"),
      (error: unknown) => error,
    ),
  );
  const [info] = error.findDetails(ErrorInfoSchema);
  return { code: Code[error.code], reason: info?.reason, message: error.rawMessage };
}

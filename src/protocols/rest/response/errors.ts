// The response to a failed request, before or in its call.
import { Code, ConnectError } from "@connectrpc/connect";
import type { Call } from "../../../pipeline/pipeline.ts";
import type { Headers } from "../../http/response.ts";
import type { CallInfo, Failure, Mount, RenderedError } from "../binding/mount.ts";
import { RestProblem } from "../binding/problem.ts";
import { httpStatusOf, reasonOf, renderStatus, retryAfterOf } from "./rpc-status.ts";

export interface FailureOptions {
  /** The failure that the pipeline gets for a problem with the HTTP request. Default: the problem itself. */
  readonly toFailure?: (problem: RestProblem) => unknown;
  /** The error to send for a problem where there is no call yet. Default: its code and message. */
  readonly toError?: (problem: RestProblem) => ConnectError;
  /** HTTP statuses by `ErrorInfo.reason`, where the status of the code is not it. Default: none. */
  readonly reasonStatus?: Readonly<Record<string, number>>;
}

/** Renders a failure. With a call, the call records it. Never throws. */
export type RenderFailure = (error: unknown, call: Call | undefined, mount: Mount, info: CallInfo) => RenderedError;

export function createFailureRenderer(options: FailureOptions): RenderFailure {
  const { toFailure, toError = plainError, reasonStatus = {} } = options;

  function failureOf(cause: unknown, call: Call | undefined): Failure {
    const problem = cause instanceof RestProblem ? cause : undefined;
    const error =
      call === undefined
        ? problem === undefined
          ? new ConnectError("internal error", Code.Internal)
          : toError(problem)
        : call.fail(problem !== undefined && toFailure !== undefined ? toFailure(problem) : cause);
    const reason = reasonOf(error);
    const status =
      problem?.status ?? (reason === undefined ? undefined : reasonStatus[reason]) ?? httpStatusOf(error.code);
    const headers: Headers = { ...problem?.headers };
    const retryAfter = retryAfterOf(error);
    if (retryAfter !== undefined) headers["retry-after"] = retryAfter;
    // RFC 9110 §15.5.2: a 401 says how to authenticate.
    if (status === 401) headers["www-authenticate"] = "Bearer";
    return { status, error, problem, headers };
  }

  return (cause, call, mount, info) => {
    const failure = failureOf(cause, call);
    try {
      return mount.renderError?.(failure, info) ?? renderStatus(failure);
    } catch {
      return renderStatus({
        ...failure,
        status: 500,
        error: new ConnectError("internal error", Code.Internal),
        problem: undefined,
      });
    }
  };
}

/** What is sent of a failure. */
export function bodyOf({ body, text }: RenderedError): string {
  return text ?? JSON.stringify(body);
}

function plainError(problem: RestProblem): ConnectError {
  return new ConnectError(problem.message, problem.code);
}

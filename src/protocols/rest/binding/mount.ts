// A mount: a set of methods served under a prefix, with its own spelling of errors and its own leniency.
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Call } from "../../../pipeline/pipeline.ts";
import type { HttpRequest } from "../../http/request.ts";
import type { Headers } from "../../http/response.ts";
import type { Binding } from "./binding.ts";
import type { RestProblem } from "./problem.ts";

/** What a renderer and a hook may know of the request. */
export interface CallInfo {
  /** The HTTP method. */
  readonly verb: string;
  /** The raw path, without the query. */
  readonly path: string;
  readonly requestId: string;
  /** The binding that matched; undefined for 404, 405 and paths that are refused. */
  readonly binding: Binding | undefined;
  /** The call; undefined for 404, 405 and paths that are refused. */
  readonly call: Call | undefined;
  /** The address of the client. */
  readonly address: string;
}

/** A failure on its way to the client. */
export interface Failure {
  /** The status that the canonical rendering has: the problem's own, that of the reason, or that of the code. */
  readonly status: number;
  /** What the pipeline gave to send: it holds no internals. */
  readonly error: ConnectError;
  /** What was wrong with the HTTP request, where it was that: violations say in which place. */
  readonly problem: RestProblem | undefined;
  /** Headers that go with it, such as `retry-after`. A renderer may add to them or replace them. */
  readonly headers: Readonly<Headers>;
}

export interface RenderedError {
  readonly status: number;
  readonly headers: Readonly<Headers>;
  /** A JSON value. */
  readonly body: unknown;
  /** A JSON value: the data of the final error event of a stream. Default: `body`. */
  readonly event?: unknown;
  /** Sent as it is, instead of the JSON: its headers name its type. */
  readonly text?: string;
}

export type RenderError = (failure: Failure, info: CallInfo) => RenderedError;

export interface Mount {
  /** For messages about colliding routes. */
  readonly name: string;
  /** What is served: every method of a service, or single methods. Those without `google.api.http` are skipped. */
  readonly serves: readonly (DescService | DescMethod)[];
  /** In front of every path, such as `/crm`; no slash at its end. Default "". */
  readonly prefix?: string;
  /**
   * The paths below which unknown routes get this mount's 404, without the prefix. The longest wins. Default:
   * the first literal segment of each route.
   */
  readonly basePaths?: readonly string[];
  /** Default: google.rpc.Status as JSON. */
  readonly renderError?: RenderError;
  /**
   * `refuse` (default): a field or parameter that the contract does not have, a body that the method does not take, and
   * a condition that the method cannot check are INVALID_ARGUMENT. `ignore`: they are skipped, and so is what looks
   * like a field but is not taken here: one that the path fills or that is OUTPUT_ONLY, and the contract's name of a
   * field that JSON calls otherwise. An `Accept` that allows no JSON is 406, or with `ignore` skipped as well, but for
   * streams.
   */
  readonly unknown?: "refuse" | "ignore";
  /** Serves a path with one "/" at its end like the path without. Default false: it is 400. */
  readonly trailingSlash?: boolean;
  /** The longest body, and the longest line of a streamed one, in bytes after decompression. Default 4 MiB. */
  readonly maxBodyBytes?: number;
  /**
   * JSON bodies whose long data URLs are not part of the text that is read: these count towards `maxBodyBytes` alone.
   * Default: none are told apart.
   */
  readonly dataUrls?: LongDataUrls;
  /** Media types that are taken for JSON in requests, besides `application/json`. */
  readonly jsonTypes?: readonly string[];
  /** Query parameters that are not the contract's, such as a credential: the transcoder skips them. */
  readonly reservedParameters?: readonly string[];
  /**
   * A header as the pipeline is to see it, instead of the one that was sent; undefined leaves that. May be asked
   * several times about one request, and must return the same.
   */
  readonly header?: (name: string, request: HttpRequest, query: string) => string | undefined;
  /** May change the headers of every response, errors too, just before they are sent. */
  readonly onResponse?: (headers: Headers, info: CallInfo) => void;
}

export interface LongDataUrls {
  /**
   * The fields of requests, by their local names, whose service takes the data URLs from the request itself (see
   * `domain/files/inline-bytes.ts`). In all others they are put back.
   */
  readonly fields: ReadonlySet<string>;
  /** The names of members of JSON objects whose whole text may be long base64 too. */
  readonly members: readonly string[];
  /** The longest body without them, in bytes. */
  readonly maxOtherBytes: number;
}

export const DEFAULT_MAX_BODY_BYTES = 4 * 1024 * 1024;

// Requests to the REST API, for bytes: the transport of calls sends no streams, and tells nothing of its progress.
import { fromJson, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import type { Identity } from "../credential.ts";
import { isRefusal } from "../credential.ts";
import { type SendOptions, sendBytes } from "./send.ts";

export interface RestOptions {
  readonly baseUrl: string;
  readonly identity: Identity;
  readonly fetch: typeof globalThis.fetch | undefined;
}

export interface RestRequest extends Pick<SendOptions, "body" | "onSent" | "signal"> {
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export class Rest {
  readonly #options: RestOptions;

  constructor(options: RestOptions) {
    this.#options = options;
  }

  /**
   * @param path from the base URL on
   * @throws a ConnectError with the details of the server for a response that tells of a failure, and for a lost
   * connection
   */
  async request(path: string, request: RestRequest): Promise<Response> {
    const { current, forget } = this.#options.identity;
    const token = await current();
    try {
      return await this.#once(path, request, token);
    } catch (error) {
      // A stream is used up.
      const again = forget !== undefined && token !== undefined && !(request.body instanceof ReadableStream);
      if (!again || !isRefusal(error)) throw error;
      forget(token);
      const fresh = await current();
      if (fresh === token) throw error;
      return this.#once(path, request, fresh);
    }
  }

  async #once(path: string, { method, headers, ...sent }: RestRequest, token: string | undefined): Promise<Response> {
    const { baseUrl, identity, fetch } = this.#options;
    const response = await sendBytes(new URL(path, withSlash(baseUrl)), {
      ...sent,
      method,
      fetch,
      headers: {
        ...headers,
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(identity.actFor !== undefined && { "x-act-for": identity.actFor }),
      },
    });
    if (response.ok) return response;
    throw await errorOf(response);
  }
}

function withSlash(url: string): string {
  return url.endsWith("/") ? url : `${url}/`;
}

const CODES: Readonly<Record<number, Code>> = {
  400: Code.InvalidArgument,
  401: Code.Unauthenticated,
  403: Code.PermissionDenied,
  404: Code.NotFound,
  409: Code.Aborted,
  410: Code.NotFound,
  413: Code.ResourceExhausted,
  429: Code.ResourceExhausted,
  502: Code.Unavailable,
  503: Code.Unavailable,
  504: Code.Unavailable,
};
const DETAILS = [ErrorInfoSchema, RetryInfoSchema, BadRequestSchema];

/** What a call would have failed with. */
async function errorOf(response: Response): Promise<ConnectError> {
  const { status, headers } = response;
  const text = await response.text().catch(() => "");
  const said = parsed(text);
  const code = typeof said?.code === "number" && said.code in Code ? said.code : (CODES[status] ?? Code.Unknown);
  const message = typeof said?.message === "string" ? said.message : text.slice(0, 1_000) || `HTTP ${status}`;
  const error = new ConnectError(message, code, headers);
  for (const detail of Array.isArray(said?.details) ? said.details : []) {
    const { "@type": type, ...value } = detail as JsonObject;
    const desc = DETAILS.find(({ typeName }) => type === `type.googleapis.com/${typeName}`);
    if (desc !== undefined) error.details.push({ desc, value: fromJson(desc, value, { ignoreUnknownFields: true }) });
  }
  return error;
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as JsonValue;
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

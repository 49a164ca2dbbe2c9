// The official client, held to this server's bounded fetch. It reads credentials, headers and addresses from the
// environment; none of them may reach an address that a tenant has chosen.
import { ReadableStream } from "node:stream/web";
import Anthropic from "@anthropic-ai/sdk";
import type { BoundedFetch } from "../../../outbound/bounded-fetch.ts";
import type { AgentFailure } from "../connector.ts";
import { refusedWith } from "../failures.ts";
import type { StreamedFiles } from "../streamed-files.ts";

/** Bytes read of a response that is not a reply. */
const MAX_REFUSAL_BYTES = 16_384;
const NO_TIMEOUT_MS = 2 ** 31 - 1;

export interface GuardedClient {
  readonly client: Anthropic;
  /** A response with another status than 200, and the beginning of its body. */
  refusal(): { readonly failure: AgentFailure; readonly body: string } | undefined;
}

export interface GuardedClientParts {
  readonly bounded: Pick<BoundedFetch, "fetch">;
  readonly credential: string | undefined;
  /** Those for which texts stand in the bodies. */
  readonly files: StreamedFiles | undefined;
  /** Called for each chunk of a reply, also for events that the client does not pass on. */
  readonly onBytes: () => void;
}

export function guardedClient({ bounded, credential, files, onBytes }: GuardedClientParts): GuardedClient {
  let refusal: ReturnType<GuardedClient["refusal"]>;
  const client = new Anthropic({
    // Given in any case: else the client looks for one in the environment. Sent only if there is one.
    apiKey: credential ?? "none",
    baseURL: "https://unused.invalid",
    webhookKey: null,
    maxRetries: 0,
    timeout: NO_TIMEOUT_MS,
    logLevel: "off",
    logger: SILENT,
    openTelemetry: false,
    async fetch(url, init) {
      const json = String(init?.body ?? "");
      const version = new Headers(init?.headers).get("anthropic-version");
      const response = await bounded.fetch(String(url), {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "text/event-stream",
          "anthropic-version": version ?? "2023-06-01",
          ...(credential !== undefined && { authorization: `Bearer ${credential}` }),
        },
        body: files?.bodyOf(json) ?? json,
        signal: init?.signal ?? new AbortController().signal,
      });
      if (response.status !== 200) {
        const body = await response.start(MAX_REFUSAL_BYTES);
        refusal = { failure: refusedWith(response, body), body };
        throw refusal.failure;
      }
      async function* noticed() {
        for await (const chunk of response.body) {
          onBytes();
          yield chunk;
        }
      }
      return new Response(ReadableStream.from(noticed()) as BodyInit, {
        headers: { "content-type": "text/event-stream" },
      });
    },
  });
  return { client, refusal: () => refusal };
}

const SILENT = { error() {}, warn() {}, info() {}, debug() {} };

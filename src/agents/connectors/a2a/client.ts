// The official client of A2A for one agent: its card, allowed addresses, and the credential for its own origin alone.
import { setImmediate } from "node:timers/promises";
import {
  type Client,
  ClientFactory,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
  RestTransportFactory,
} from "@a2a-js/sdk/client";
import type { WebFetch } from "../../../outbound/web-fetch.ts";
import { AgentFailure } from "../connector.ts";
import { refusedWith } from "../failures.ts";

export interface A2aAgent {
  readonly baseUrl: string;
  readonly credential: string | undefined;
}

/** What a refusal says, in bytes that are read of it. */
const MAX_REFUSAL = 16_384;
/** Agents of the protocol before 1.0 are spoken to in their own words. */
const OLDER = { legacyCompat: { enabled: true } };
const CARD = "/.well-known/agent-card.json";

/** Statuses that are no response of the protocol. */
function isRefusal(status: number): boolean {
  return [401, 403, 407, 408, 429].includes(status) || status >= 500 || (status >= 300 && status < 400);
}

/** Reads the card, and connects as it says. Throws {@link AgentFailure} and what the packages throw. */
export async function openClient(
  { baseUrl, credential }: A2aAgent,
  fetcher: Pick<WebFetch, "fetch">,
  heard: () => void,
): Promise<Client> {
  const url = new URL(baseUrl);
  const fetchImpl = (async (input: string | URL | Request, init: RequestInit = {}) => {
    const target = new URL(input instanceof Request ? input.url : String(input));
    const headers = new Headers(init.headers);
    // The card may name any address; the secret is meant for this one.
    if (credential !== undefined && target.origin === url.origin) headers.set("authorization", `Bearer ${credential}`);
    const response = await fetcher.fetch(target, { ...init, headers });
    if (isRefusal(response.status)) {
      const body = await response.text().catch(() => "");
      throw refusedWith(
        { status: response.status, header: (name) => response.headers.get(name) ?? undefined },
        body.slice(0, MAX_REFUSAL),
      );
    }
    return listened(response, heard);
  }) as typeof fetch;
  const factory = new ClientFactory({
    transports: [
      new JsonRpcTransportFactory({ fetchImpl, ...OLDER }),
      new RestTransportFactory({ fetchImpl, ...OLDER }),
    ],
    cardResolver: new DefaultAgentCardResolver({ fetchImpl, ...OLDER }),
  });
  const isCard = url.pathname.endsWith(".json");
  const card = isCard ? url.href : url.href.replace(/\/*$/, CARD);
  try {
    return await factory.createFromUrl(card, "");
  } catch (cause) {
    if (cause instanceof Error && /transport/i.test(cause.message)) {
      throw new AgentFailure("the agent's card names neither JSON-RPC nor HTTP+JSON", { health: "up", cause });
    }
    throw cause;
  }
}

/** The same response; `heard` is told of each piece of its body. */
function listened(response: Response, heard: () => void): Response {
  const { body, status, statusText, headers } = response;
  if (body === null) return response;
  const through = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    async transform(chunk, controller) {
      heard();
      controller.enqueue(chunk);
      // While bytes are there, they would be read without a pause.
      await setImmediate();
    },
  });
  return new Response(body.pipeThrough(through), { status, statusText, headers });
}

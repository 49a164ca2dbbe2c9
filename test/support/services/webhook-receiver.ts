// A receiver of webhooks over real sockets: keeps what came, and answers as a test says.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Webhook } from "standardwebhooks";

/** A request as it came. */
export interface Received {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  /** The `webhook-id`. */
  readonly id: string;
  readonly body: string;
  readonly json: ReceivedEvent & { readonly events?: readonly ReceivedEvent[] };
  readonly response: ServerResponse;
  readonly socket: Socket;
}

/** An event in JSON, as far as tests look at it. */
export interface ReceivedEvent {
  readonly conversationId: string;
  readonly seq: string;
  readonly [change: string]: unknown;
}

export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** Called for each request. Default: 204. */
  answer: (request: Received, index: number) => unknown;
  /** The events that were answered with 2xx, in the order of their arrival; those of batches one by one. */
  taken(): ReceivedEvent[];
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const sockets = new Set<Socket>();
  const receiver: Receiver = {
    url: "",
    received: [],
    answer: ({ response }) => response.writeHead(204).end(),
    taken: () =>
      receiver.received
        .filter(({ response }) => response.headersSent && response.statusCode < 300)
        .flatMap(({ json }) => json.events ?? [json]),
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      // The server was killed while it sent.
      return;
    }
    const body = Buffer.concat(chunks).toString();
    const received: Received = {
      path: request.url ?? "",
      headers: request.headers,
      id: String(request.headers["webhook-id"]),
      body,
      json: JSON.parse(body) as Received["json"],
      response,
      socket: request.socket,
    };
    receiver.received.push(received);
    await receiver.answer(received, receiver.received.length - 1);
  });
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(receiver, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` });
}

/** Throws unless the request was signed with the secret. */
export function verify(secret: string, { body, headers }: Received): void {
  new Webhook(secret).verify(body, headers as Record<string, string>);
}

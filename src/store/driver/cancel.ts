// Cancels the running query of a connection in PostgreSQL, by a CancelRequest on a separate connection.
import { connect, type Socket } from "node:net";
import type { ClientBase } from "pg";

/** pg's client with its private members for the address and the backend key. */
interface ConnectedClient {
  readonly host: string;
  readonly port: number;
  readonly processID: number | null;
  readonly secretKey: number | null;
}

const CANCEL_REQUEST_CODE = 80_877_102;

function open({ host, port }: ConnectedClient): Socket {
  return host.startsWith("/") ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
}

/**
 * Sends one CancelRequest (PostgreSQL manual, 54.2.10) and resolves when the server has closed the connection, which it
 * does after signalling the backend. An idle backend ignores the signal, so the next query on the connection is safe
 * once this has resolved.
 *
 * @throws if the server cannot be reached within `timeoutMs`
 */
export function sendCancelRequest(client: ClientBase, timeoutMs: number): Promise<void> {
  const target = client as unknown as ConnectedClient;
  const packet = Buffer.alloc(16);
  packet.writeInt32BE(16, 0);
  packet.writeInt32BE(CANCEL_REQUEST_CODE, 4);
  packet.writeInt32BE(target.processID ?? 0, 8);
  packet.writeInt32BE(target.secretKey ?? 0, 12);

  return new Promise((resolve, reject) => {
    const socket = open(target);
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error("the cancel request timed out")));
    socket.on("connect", () => socket.write(packet));
    socket.on("error", reject);
    // Reading is needed to notice the server's FIN. We do not half-close: the server responds only by closing.
    socket.resume();
    socket.on("end", () => resolve());
    socket.on("close", () => resolve());
  });
}

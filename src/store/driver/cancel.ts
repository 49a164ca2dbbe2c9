// Cancels the query that runs on a connection, inside PostgreSQL, by a CancelRequest on a connection of its own.
import { connect, type Socket } from "node:net";
import type { ClientBase } from "pg";

/** pg's client, with the members that say where it is connected and as what. */
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
 * Sends one CancelRequest (PostgreSQL manual, 54.2.10) and resolves when the server has closed the connection: it does
 * so after it has signalled the backend. A backend that is idle by then ignores the signal, so the next query on the
 * same connection is safe once this has resolved.
 *
 * @throws when the server cannot be reached within `timeoutMs`
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
    // Read, so that the server's FIN is seen. Not half-closed by us: the server answers only by closing.
    socket.resume();
    socket.on("end", () => resolve());
    socket.on("close", () => resolve());
  });
}

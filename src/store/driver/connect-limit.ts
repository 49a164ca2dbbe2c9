// The timeout for new connections to PostgreSQL.
import type { Client, ClientBase } from "pg";
import { afterOwnTime, type OwnTimeout } from "./own-time.ts";

/** Private members of pg that this uses: the socket, which closes also when the client gives up. */
interface Connecting {
  readonly connection: {
    readonly stream: { once(event: "close", act: () => void): void; destroy(error: Error): void };
  };
}

type Connected = ((error: Error) => void) | ((error: null, client: Client) => void);

/** Creates a subclass whose connections fail with "timeout expired" unless they are ready after `ms`; 0: no limit. */
export function connectingWithin(ms: number, Base: typeof Client): typeof Client {
  if (ms === 0) return Base;
  return class extends Base {
    override connect(): Promise<Client>;
    override connect(callback: Connected): void;
    override connect(callback?: Connected): Promise<Client> | undefined {
      const limit = breakAfter(this, ms);
      this.once("connect", limit.cancel);
      (this as unknown as Connecting).connection.stream.once("close", limit.cancel);
      if (callback === undefined) return super.connect();
      super.connect(callback);
      return undefined;
    }
  };
}

/** Breaks a connection after `ms`, unless it is cancelled first: its query fails with "timeout expired". */
export function breakAfter(client: ClientBase, ms: number): OwnTimeout {
  return afterOwnTime(ms, () => breakNow(client));
}

/** Breaks a connection, whatever it waits for: what runs on it fails with "timeout expired". */
export function breakNow(client: ClientBase): void {
  (client as unknown as Connecting).connection.stream.destroy(new Error("timeout expired"));
}

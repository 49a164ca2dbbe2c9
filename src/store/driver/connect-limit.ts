// How long a new connection to PostgreSQL may take until it is ready.
import type { Client, ClientBase } from "pg";
import { afterOwnTime, type OwnTimeout } from "./own-time.ts";

/** What this uses of pg beside its documented face: the socket, which closes also when the client gives up. */
interface Connecting {
  readonly connection: {
    readonly stream: { once(event: "close", act: () => void): void; destroy(error: Error): void };
  };
}

type Connected = ((error: Error) => void) | ((error: null, client: Client) => void);

/** Makes a class like `Base` whose connections fail with "timeout expired" unless they stand after `ms`; 0: no limit. */
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

/** Breaks a connection, unless it is cancelled before: what runs on it fails with "timeout expired". */
export function breakAfter(client: ClientBase, ms: number): OwnTimeout {
  const { connection } = client as unknown as Connecting;
  return afterOwnTime(ms, () => connection.stream.destroy(new Error("timeout expired")));
}

// `sslmode=prefer` as in libpq: encrypted if the server has TLS, otherwise in clear text.
import type { Socket } from "node:net";
import { Client, type ClientConfig } from "pg";
import { type Hosts, hostsOf } from "../../domain/settings/database-hosts.ts";
import { askBy, chooseHost } from "./hosts.ts";

/** Private members of pg that this uses: the SSLRequest and the handling of its response. */
interface AskingConnection {
  readonly stream: {
    listeners(event: "data"): ((answer: Buffer) => void)[];
    removeAllListeners(event: "data"): void;
    once(event: "data", act: (answer: Buffer) => void): void;
  };
  requestSsl(): void;
  attachListeners(stream: unknown): void;
  emit(event: "sslconnect"): void;
}

/** The response of a server without TLS. */
const NO = "N";

/** pg's client, which with `sslmode=prefer` continues in clear text on the same connection, where pg would fail. */
class TlsPreferringClient extends Client {
  constructor(config?: string | ClientConfig) {
    super(config);
    const url = typeof config === "string" ? config : config?.connectionString;
    if (url === undefined || !/[?&]sslmode=prefer(&|$)/.test(url)) return;
    const { connection } = this as unknown as { readonly connection: AskingConnection };
    const ask = connection.requestSsl.bind(connection);
    connection.requestSsl = () => {
      const { stream } = connection;
      const answered = stream.listeners("data");
      stream.removeAllListeners("data");
      stream.once("data", (answer) => {
        if (answer.toString("latin1") !== NO) {
          for (const act of answered) act.call(stream, answer);
          return;
        }
        connection.attachListeners(stream);
        connection.emit("sslconnect");
      });
      ask();
    };
  }
}

type Connected = ((error: Error) => void) | ((error: null, client: Client) => void);

/** The same, and of several hosts in the URL it connects to the one that is suitable. */
export class PreferringClient extends TlsPreferringClient {
  readonly #config: ClientConfig;
  readonly #hosts: Hosts | undefined;

  constructor(config?: string | ClientConfig) {
    const given: ClientConfig = typeof config === "string" ? { connectionString: config } : { ...config };
    const hosts = given.connectionString === undefined ? undefined : hostsOf(given.connectionString);
    super(hosts === undefined ? given : { ...given, connectionString: hosts.urls[0] ?? "" });
    this.#config = given;
    this.#hosts = hosts?.wanted === undefined ? undefined : hosts;
  }

  override connect(): Promise<Client>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): Promise<Client> | undefined {
    if (this.#hosts === undefined) {
      if (callback === undefined) return super.connect();
      super.connect(callback);
      return undefined;
    }
    const connecting = this.#choose(this.#hosts).then(() => super.connect());
    if (callback === undefined) return connecting;
    connecting.then(
      () => (callback as (error: null, client: Client) => void)(null, this),
      (error: Error) => (callback as (error: Error) => void)(error),
    );
    return undefined;
  }

  async #choose(hosts: Hosts): Promise<void> {
    const { stream } = (this as unknown as { readonly connection: { readonly stream: Socket } }).connection;
    // Whoever limits the time breaks the socket, which nobody else listens to yet.
    const broken = new Promise<never>((_, reject) => stream.once("error", reject));
    broken.catch(() => {});
    const url = await Promise.race([chooseHost(hosts, askBy(TlsPreferringClient, this.#config)), broken]);
    const { host, port } = new Client({ connectionString: url });
    Object.assign(this, { host, port });
  }
}

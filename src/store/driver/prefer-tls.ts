// `sslmode=prefer` as in libpq: encrypted if the server has TLS, otherwise in clear text.
import { Client, type ClientConfig } from "pg";

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
export class PreferringClient extends Client {
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

// `sslmode=prefer` as libpq means it: encrypted where the server can, in clear text where it says that it cannot.
import { Client, type ClientConfig } from "pg";

/** What this uses of pg beside its documented face: the question for TLS, and what becomes of its answer. */
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

/** A server's whole answer, if it has no TLS, or none on this socket. */
const NO = "N";

/** pg's client. With `sslmode=prefer` it goes on in clear text on the same connection, where pg would give it up. */
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

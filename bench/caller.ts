// Calls over keep-alive connections: Connect with JSON, or REST.
import { Agent, request } from "node:http";

export interface Answer {
  readonly status: number;
  readonly text: string;
}

export interface Caller {
  /** A request; POST where there is a body. */
  send(path: string, body?: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** The same, read as JSON. @throws Error for any answer but a success */
  json<T>(path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<T>;
  close(): void;
}

/** `connections`: 1 unless told, for calls one after the other. */
export function createCaller(port: number, token: string, connections = 1): Caller {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const always = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const send: Caller["send"] = (path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const method = body === undefined ? "GET" : "POST";
      const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
      const call = request({
        agent,
        port,
        host: "127.0.0.1",
        method,
        path,
        headers: { ...always, ...length, ...headers },
      });
      call.on("error", reject);
      call.on("response", (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("error", reject);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      });
      call.end(body);
    });
  return {
    send,
    async json<T>(path: string, body?: unknown, headers?: Readonly<Record<string, string>>) {
      const { status, text } = await send(path, body === undefined ? undefined : JSON.stringify(body), headers);
      if (status < 200 || status > 299) throw new Error(`${path} is answered with ${status}: ${text.slice(0, 300)}`);
      return JSON.parse(text) as T;
    },
    close: () => agent.destroy(),
  };
}

// The ports of one server: its own, and those of dialects.
import type { Listening } from "../server/listening.ts";
import type { Server } from "../server/server.ts";

export interface Listener {
  readonly server: Pick<Server, "listen">;
  /** Undefined: the server's own port. */
  readonly port: number | undefined;
  /** The dialects served there. */
  readonly names: readonly string[];
}

/**
 * Listens on all of them. Throws the system error of a port, except for a default dialect whose port is in use: it is
 * skipped.
 * @param chosen whether COLLOQUY_COMPAT was set
 */
export async function listenOn(listeners: readonly Listener[], chosen: boolean): Promise<Listening> {
  const notices: string[] = [];
  const urls = await Promise.all(
    listeners.map(async ({ server, port, names }) => {
      try {
        const { url } = await server.listen();
        return port === undefined ? url : "";
      } catch (error) {
        if (port === undefined || chosen || (error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
        notices.push(
          `Port ${port} is in use, so ${names.join(", ")} is not served. Set another port with COLLOQUY_COMPAT.`,
        );
        return "";
      }
    }),
  );
  return { url: urls.find((url) => url !== "") ?? "", notices };
}

// The ports of one server: its own, and those that dialects have to themselves.
import type { Listening } from "../server/listening.ts";
import type { Server } from "../server/server.ts";

export interface Listener {
  readonly server: Pick<Server, "listen">;
  /** Undefined: the server's own port. */
  readonly port: number | undefined;
  /** What is served there. */
  readonly names: readonly string[];
}

/**
 * Listens on all of them. Throws what the operating system says of a port that cannot be had, except where it is a
 * dialect's and nobody asked for it: that dialect is then left out.
 * @param chosen whether the places of the dialects were asked for
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
        notices.push(`Port ${port} is taken, so ${names.join(", ")} is not served. COLLOQUY_COMPAT gives it another.`);
        return "";
      }
    }),
  );
  return { url: urls.find((url) => url !== "") ?? "", notices };
}

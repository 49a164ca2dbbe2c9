// Tells a kept connection that the other side closed while nothing was asked of it from one that broke over a request.
import type { Socket } from "node:net";

/** Of the errors of such connections: undici hands them on as they are. */
const IDLE = Symbol("idle");

/**
 * Whether a request failed because its connection was lost after an earlier response, before anything came in answer to
 * it. The other side may have closed an idle connection just when the request was sent; it has most likely not read it.
 */
export const isIdleLoss = (error: unknown): boolean => error instanceof Error && IDLE in error;

/** Watches a connection; before undici gets it, so that undici hears of the loss as it is told here. */
export function watchIdleLoss(socket: Socket): void {
  const read = socket.read.bind(socket);
  /** How much had been written when something came last; undefined: nothing has come yet. */
  let answered: number | undefined;
  socket.read = (size?: number) => {
    const chunk = read(size);
    if (chunk !== null) answered = socket.bytesWritten;
    return chunk;
  };
  const isIdle = () => answered !== undefined && socket.bytesWritten !== answered;
  socket.on("end", () => {
    if (isIdle()) socket.destroy(Object.assign(new Error("the other side closed"), { code: "ECONNRESET" }));
  });
  socket.on("error", (error: Error) => {
    if (isIdle()) Object.assign(error, { [IDLE]: true });
  });
}

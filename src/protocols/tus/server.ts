// @tus/server with errors like those of every other call: JSON with a reason, under the status that tus gives them.
import { Server, TUS_VERSION } from "@tus/server";
import type { RenderedError } from "../rest/binding/mount.ts";
import { bodyOf } from "../rest/response/errors.ts";
import { faultOf } from "./faults.ts";
import type { CallStore } from "./store.ts";

export interface TusServerOptions {
  readonly path: string;
  readonly store: CallStore;
  readonly maxBytes: number;
  readonly newId: () => string;
  /** The headers that every response lets pages read: its own would take their place. */
  readonly exposed: string;
  readonly render: (error: unknown) => RenderedError;
}

/** An append counts only where the upload stands as its caller took it to: there is nothing to lock. */
const LOCKER = { newLock: () => ({ lock: async () => {}, unlock: async () => {} }) };

/** One for each call: its store acts for the caller. */
export class TusServer extends Server {
  readonly #store: CallStore;
  readonly #maxBytes: number;
  readonly #render: (error: unknown) => RenderedError;
  /** Of the store, where that was it. */
  #failure: RenderedError | undefined;

  constructor({ path, store, maxBytes, newId, exposed, render }: TusServerOptions) {
    super({
      path,
      datastore: store,
      maxSize: maxBytes,
      relativeLocation: true,
      locker: LOCKER,
      namingFunction: newId,
      // Cross-origin calls are answered for all paths alike.
      allowedOrigins: () => false,
      exposedHeaders: [exposed],
      onResponseError: (_, error) => {
        if ("status_code" in error) return undefined;
        this.#failure = render(error);
        return { status_code: this.#failure.status, body: "" };
      },
    });
    this.#store = store;
    this.#maxBytes = maxBytes;
    this.#render = render;
  }

  /** What every response of a failure goes through. */
  override async write(...[context, headers, status, text = ""]: Parameters<Server["write"]>) {
    if (status < 400) return super.write(context, headers, status, text);
    await this.#store.forgetBegun();
    // Its own check of another version is one of a malformed header. The protocol: 412, with those that are spoken.
    const isVersion = status === 412 || /^Invalid\b.* tus-resumable\b/.test(text);
    if (isVersion) headers.set("tus-version", TUS_VERSION.join(","));
    const failed = isVersion ? 412 : status;
    const failure = this.#failure ?? this.#render(faultOf(failed, text, this.#maxBytes));
    for (const [name, value] of Object.entries(failure.headers)) headers.set(name, String(value));
    headers.set("content-type", "application/json");
    return super.write(context, headers, failed, bodyOf(failure));
  }
}

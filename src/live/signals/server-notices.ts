// What servers tell each other, beside what they tell followers: a lost notice only causes delay.

/** What a notice is about, with its values. */
export type ServerNotice = readonly [about: string, ...values: (string | number)[]];

/** Called with a notice of another server and that server's id; undefined: notices may have been lost. */
export type OnServerNotice = (notice: ServerNotice | undefined, server: string) => void;

export class ServerNotices {
  readonly #listeners: OnServerNotice[] = [];

  /** Calls `onNotice` until the process ends. */
  listen(onNotice: OnServerNotice): void {
    this.#listeners.push(onNotice);
  }

  tell(notice: ServerNotice | undefined, server = ""): void {
    for (const onNotice of this.#listeners) onNotice(notice, server);
  }
}

const KIND = "server";

/** One line of text, for the transport to other servers. */
export function encodeServerNotice(notice: ServerNotice): string {
  return JSON.stringify([KIND, ...notice]);
}

/** Undefined: the line is none. */
export function decodeServerNotice(line: string): ServerNotice | undefined {
  if (!line.startsWith(`["${KIND}",`)) return undefined;
  const [, ...notice] = JSON.parse(line) as [string, ...ServerNotice];
  return notice;
}

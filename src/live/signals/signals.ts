// Signals of all servers: delivered on this server at once, and sent to the others with the hints.
import { inBackground } from "../../domain/background.ts";
import { newId } from "../../domain/ids/id.ts";
import { SignalBoard } from "./board.ts";
import { type DraftNotice, DraftNotices, decodeNotice, encodeNotice } from "./draft-notices.ts";
import { decodePresence, encodePresence, type PresenceNotice, PresenceNotices } from "./presence-notices.ts";
import { decodeServerNotice, encodeServerNotice, type ServerNotice, ServerNotices } from "./server-notices.ts";
import { decodeSignal, encodeSignal, type Signal } from "./signal.ts";

/** Carries texts to the other servers on the database. It may lose or duplicate them. */
export interface SignalCarrier {
  send(text: string): Promise<void>;
  /** Maximum bytes of a text. */
  readonly maxBytes: number;
}

/** Minimum time between two texts to other servers, in milliseconds. */
const BATCH_EVERY_MS = 20;
/** Further signals that wait to be carried are dropped. */
const MAX_WAITING = 1_000;
/** The same of notices to other servers, which come first: revocations are among them. */
const MAX_WAITING_NOTICES = 10_000;

export class Signals {
  readonly board = new SignalBoard();
  readonly drafts = new DraftNotices();
  readonly presence = new PresenceNotices();
  readonly servers = new ServerNotices();
  readonly #enabled: boolean;
  readonly #carrier: SignalCarrier | undefined;
  readonly #onLost: (error: unknown) => void;
  /** Begins each text, so that this server knows its own. */
  readonly #server = newId();
  /** The latest of each actor and name. */
  readonly #waiting = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();

  constructor(enabled: boolean, carrier: SignalCarrier | undefined, onLost: (error: unknown) => void) {
    this.#enabled = enabled;
    this.#carrier = carrier;
    this.#onLost = onLost;
  }

  /** Tells all followers on all servers. Never blocks. */
  send(signal: Signal): void {
    if (!this.#enabled) return;
    this.board.post(signal);
    const { tenantId, conversationId, actor, name } = signal;
    this.#carry(JSON.stringify([tenantId, conversationId, actor, name]), encodeSignal(signal));
  }

  /** Tells the caller's devices on all servers that a draft has changed. Never blocks. */
  tellDraft(notice: DraftNotice): void {
    if (!this.#enabled) return;
    this.drafts.tell(notice);
    const line = encodeNotice(notice);
    this.#carry(line, line);
  }

  /** Tells all servers that the presence of a member may have changed. Never blocks. */
  tellPresence(notice: PresenceNotice): void {
    if (!this.#enabled) return;
    this.presence.tell(notice);
    const line = encodePresence(notice);
    this.#carry(line, line);
  }

  /**
   * Tells the other servers; never blocks. Of notices with the same key that wait, the latest goes. Default: all go.
   */
  tellServers(notice: ServerNotice, key?: string): void {
    if (!this.#enabled) return;
    const line = encodeServerNotice(notice);
    this.#carry(key ?? line, line, MAX_WAITING_NOTICES);
  }

  /** What comes from other servers may have been lost. */
  missed(): void {
    this.drafts.missed();
    this.presence.missed();
    this.servers.tell(undefined);
  }

  #carry(key: string, line: string, most = MAX_WAITING): void {
    const carrier = this.#carrier;
    if (carrier === undefined || (this.#waiting.size >= most && !this.#waiting.has(key))) return;
    this.#waiting.set(key, line);
    this.#timer ??= inBackground(() => setTimeout(() => this.#flush(carrier), BATCH_EVERY_MS));
  }

  /** Takes a text of another server, or of this one. */
  receive(text: string): void {
    if (!this.#enabled) return;
    const [server, ...lines] = text.split("\n");
    if (server === this.#server) return;
    for (const line of lines) {
      const notice = decodeNotice(line);
      if (notice !== undefined) {
        this.drafts.tell(notice);
        continue;
      }
      const presence = decodePresence(line);
      if (presence !== undefined) {
        this.presence.tell(presence);
        continue;
      }
      const ofServer = decodeServerNotice(line);
      if (ofServer !== undefined) {
        this.servers.tell(ofServer, server);
        continue;
      }
      const signal = decodeSignal(line);
      if (signal === undefined) continue;
      // The limit of a sender holds for all servers together.
      if (!signal.ended) this.board.admit(signal);
      this.board.post(signal);
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#waiting.clear();
    await this.#sending;
  }

  #flush(carrier: SignalCarrier): void {
    let text = this.#server;
    let bytes = Buffer.byteLength(text);
    for (const [key, line] of this.#waiting) {
      const more = 1 + Buffer.byteLength(line);
      if (bytes + more > carrier.maxBytes && bytes > this.#server.length) break;
      this.#waiting.delete(key);
      text += `\n${line}`;
      bytes += more;
    }
    this.#sending = carrier.send(text).catch((error: unknown) => this.#onLost(error));
    const pause = new Promise((resolve) => setTimeout(resolve, BATCH_EVERY_MS));
    void Promise.all([this.#sending, pause]).then(() => {
      this.#timer = this.#waiting.size > 0 ? setTimeout(() => this.#flush(carrier), 0) : undefined;
    });
  }
}

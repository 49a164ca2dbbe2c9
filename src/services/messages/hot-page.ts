// One reading of a page that may be kept: what is known of it before, and what is to be kept of it after.
import { hash } from "node:crypto";
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { type Form, setKept } from "../../domain/protobuf/kept-list.ts";
import { setStateTag } from "../../domain/protobuf/state-tag.ts";
import { isPlain, type MessageList, type MessagePage } from "../../store/messages/lists.ts";
import type { KeptPage, PageCache, PageName } from "./page-cache.ts";

const FIELD = "messages";

export class HotPage {
  readonly #pages: PageCache;
  readonly #name: PageName;
  readonly #actor: string;
  readonly #page: KeptPage | undefined;
  #state: string | null | undefined;
  #unchanged = false;

  private constructor(pages: PageCache, name: PageName, actor: string) {
    this.#pages = pages;
    this.#name = name;
    this.#actor = actor;
    this.#page = pages.find(name, actor);
  }

  /** Undefined: such a page is not kept. */
  static of(
    pages: PageCache | undefined,
    { tenantId, actor }: Caller,
    conversationId: string,
    list: MessageList,
    form: Form | undefined,
  ): HotPage | undefined {
    if (pages === undefined || form === undefined || !isPlain(list)) return undefined;
    const { newestFirst, deleted, afterSeq, beforeSeq, edge = "", limit } = list;
    const stretch = [newestFirst ? "desc" : "asc", deleted, afterSeq, beforeSeq, edge, limit].join(".");
    const name = { tenantId, conversationId: conversationId.toLowerCase(), arguments: stretch, form };
    return pages.hasNoState(name) ? undefined : new HotPage(pages, name, actor);
  }

  /** The state of the page that is kept; empty: none is. */
  get known(): string {
    return this.#page?.state ?? "";
  }

  /** Takes what the database said. Gives where the kept page goes on, or an empty text, if that page still holds. */
  settle(found: MessagePage | undefined): string | undefined {
    this.#state = found?.state;
    this.#unchanged = found?.unchanged === true;
    if (this.#page !== undefined && this.#unchanged) {
      this.#pages.confirm(this.#name, this.#page, this.#actor);
      return this.#page.next ?? "";
    }
    if (this.#state === null) this.#pages.noteNoState(this.#name);
    this.#pages.moved(this.#name, this.#state ?? undefined, this.#actor);
    return undefined;
  }

  /**
   * Lets the response be encoded with the kept page, or kept if it is read again and again; and names what it shows.
   */
  attach(response: { readonly messages: readonly Message[]; readonly nextPageToken: string }): void {
    if (typeof this.#state === "string") setStateTag(response, this.#tagOf(this.#state));
    if (this.#unchanged) {
      setKept(response, { field: FIELD, encoded: this.#page?.encoded, keep: () => {} });
      return;
    }
    const { messages, nextPageToken } = response;
    const last = messages.at(-1);
    const state = this.#state;
    if (last === undefined || typeof state !== "string" || !this.#pages.isHot(this.#name, state)) return;
    const next = nextPageToken === "" ? undefined : String(last.seq);
    // A reaction says whether it is the caller's own.
    const owner = messages.some(({ reactions }) => reactions.length > 0) ? this.#actor : undefined;
    const keep = (encoded: Uint8Array) => this.#pages.add(this.#name, { state, encoded, next }, owner);
    setKept(response, { field: FIELD, encoded: undefined, keep });
  }

  /**
   * Of this page in a state, for this caller: reactions are its own, page tokens are for it. Another release may show
   * more.
   */
  #tagOf(state: string): string {
    const { tenantId, conversationId, arguments: stretch, form } = this.#name;
    const shown = [this.#pages.release, tenantId, conversationId, stretch, form, this.#actor, state].join("\n");
    return hash("sha256", shown, "base64url");
  }
}

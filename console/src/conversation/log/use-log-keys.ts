// The keys of the log: the arrow keys, j and k go from message to message, Home and End to its ends.
import { type KeyboardEvent, type RefObject, useEffect, useState } from "react";

const STEPS: Readonly<Record<string, number>> = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1 };

/** Where a key leads from a place among so many messages. Undefined: nowhere. */
export function placeAfter(key: string, place: number, count: number): number | undefined {
  if (count === 0) return undefined;
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  const step = STEPS[key];
  return step === undefined ? undefined : Math.max(0, Math.min(count - 1, place + step));
}

export interface LogKeys {
  /** The message at which the tab key stops. */
  readonly activeId: string | undefined;
  onKeyDown(event: KeyboardEvent): void;
  onFocus(event: { readonly target: EventTarget }): void;
}

/** @param ids the messages of the log, in their order */
export function useLogKeys(scroller: RefObject<HTMLElement | null>, ids: readonly string[], at?: string): LogKeys {
  const [chosen, setChosen] = useState(at);
  // One that has left the page is no place to stop at.
  const activeId = chosen !== undefined && ids.includes(chosen) ? chosen : ids.at(-1);
  // Who opens a conversation with the keyboard is in its log, not before the whole page.
  useEffect(() => {
    if (document.activeElement === document.body) scroller.current?.focus({ preventScroll: true });
  }, [scroller]);
  return {
    activeId,
    onKeyDown(event) {
      const { key, ctrlKey, metaKey, altKey } = event;
      const message = messageAt(event.target);
      const isOfLog = event.target === scroller.current && (key === "j" || key === "k");
      if (ctrlKey || metaKey || altKey || (message !== event.target && !isOfLog)) return;
      const from = ids.indexOf(activeId ?? "");
      // From the log itself, the first key leads to the message at which one is.
      const place = isOfLog ? from : placeAfter(key, from, ids.length);
      const id = ids[place ?? -1];
      if (id === undefined) return;
      event.preventDefault();
      const element = scroller.current?.querySelector<HTMLElement>(`[data-message="${CSS.escape(id)}"]`);
      element?.focus({ preventScroll: true });
      element?.scrollIntoView({ block: "nearest" });
    },
    onFocus: ({ target }) => setChosen((before) => messageAt(target)?.dataset.message ?? before),
  };
}

function messageAt(target: EventTarget): HTMLElement | null {
  return target instanceof Element ? target.closest<HTMLElement>("[data-message]") : null;
}

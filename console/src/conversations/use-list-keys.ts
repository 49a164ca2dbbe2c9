// The keys of the list: j and k move, Home and End go to its ends. Enter opens what has the focus, as of any link.
import { type RefObject, useEffect, useEffectEvent } from "react";

export interface ListKeys {
  readonly scroller: RefObject<HTMLElement | null>;
  readonly selected: number;
  readonly total: number;
  select(index: number): void;
}

const STEPS: Readonly<Record<string, number>> = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1 };

export function useListKeys({ scroller, selected, total, select }: ListKeys): void {
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const isInside = scroller.current?.contains(event.target as Node) ?? false;
    const target = targetOf(event.key, isInside);
    if (target === undefined || total === 0) return;
    event.preventDefault();
    const index = Math.max(0, Math.min(total - 1, target));
    select(index);
    // The row may not be there before it is scrolled to.
    requestAnimationFrame(() => focusRow(scroller.current, index));
  });

  function targetOf(key: string, isInside: boolean): number | undefined {
    if (isInside && key === "Home") return 0;
    if (isInside && key === "End") return total - 1;
    const step = STEPS[key];
    if (step === undefined || (key.startsWith("Arrow") && !isInside)) return undefined;
    return isInside ? selected + step : selected;
  }

  useEffect(() => {
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

function focusRow(scroller: HTMLElement | null, index: number, tries = 10): void {
  const row = scroller?.querySelector<HTMLElement>(`[data-index="${index}"]`);
  if (row) row.focus({ preventScroll: true });
  else if (tries > 0) requestAnimationFrame(() => focusRow(scroller, index, tries - 1));
}

export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

// Tells an element of a long list that it has come near to what is in sight: what is costly to draw can wait until then.
import { type RefObject, useEffect, useRef, useState } from "react";

/** So far around the window, in pixels: more than the tab key moves on by. */
const MARGIN = "600px";

/** False until it was near; from then on true, so that what has the focus stays. */
export function useNearSight<T extends Element>(): [RefObject<T | null>, boolean] {
  const ref = useRef<T>(null);
  const [isNear, setIsNear] = useState(false);
  useEffect(() => {
    const element = ref.current;
    if (element === null || isNear) return;
    const observer = observerIn(scrollerOf(element));
    waiting.set(element, () => setIsNear(true));
    observer.observe(element);
    return () => observer.unobserve(element);
  }, [isNear]);
  return [ref, isNear];
}

const waiting = new WeakMap<Element, () => void>();
const observers = new WeakMap<Element, IntersectionObserver>();

/** One for all elements of a list. The margin counts from what scrolls, which cuts off what is around the window. */
function observerIn(scroller: Element): IntersectionObserver {
  const known = observers.get(scroller);
  if (known !== undefined) return known;
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) if (isIntersecting) waiting.get(target)?.();
    },
    { root: scroller, rootMargin: MARGIN },
  );
  observers.set(scroller, observer);
  return observer;
}

function scrollerOf(element: Element): Element {
  for (let above = element.parentElement; above !== null; above = above.parentElement) {
    if (getComputedStyle(above).overflowY === "auto") return above;
  }
  return document.documentElement;
}

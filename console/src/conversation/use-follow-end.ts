// Keeps the end of a log in sight while one is there.
import { type RefObject, type SyntheticEvent, useLayoutEffect, useRef, useState } from "react";
import { BEGINNING } from "./use-log.ts";

/** So near to its end, one reads along. */
const NEAR_PX = 80;

export interface FollowedEnd {
  readonly isInSight: boolean;
  /** To be told of clicks in the log: what folds out must not lead away from where it was opened. */
  onClick(event: SyntheticEvent): void;
}

export interface Followed {
  readonly scroller: RefObject<HTMLElement | null>;
  /** All that scrolls in it, whose size tells that it has grown: by messages, late pictures or what folds out. */
  readonly content: RefObject<HTMLElement | null>;
  /** The message that the log was opened at. Default: its end. */
  readonly at: string | undefined;
  /** Whether that is on the page. */
  readonly isThere: boolean;
}

export function useFollowEnd({ scroller, content, at, isThere }: Followed): FollowedEnd {
  const isAtEnd = useRef(at === undefined);
  const [isInSight, setIsInSight] = useState(at === undefined);
  /** Where one was led: what is read later does not lead there again. */
  const led = useRef<string>(undefined);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null || content.current === null) return;
    /** While it is followed, nothing else may scroll it: Chromium would keep in place what the window is about to let go. */
    const follow = (is: boolean) => {
      isAtEnd.current = is;
      element.style.overflowAnchor = is ? "none" : "auto";
    };
    follow(at === undefined);
    const toEnd = () => {
      if (isAtEnd.current) element.scrollTop = element.scrollHeight;
    };
    const look = () => {
      follow(isNearEnd(element));
      setIsInSight(isAtEnd.current);
    };
    toEnd();
    if (at === undefined || isThere) {
      if (at === BEGINNING && led.current !== at) element.scrollTop = 0;
      else if (led.current !== at) element.querySelector("[data-target]")?.scrollIntoView({ block: "center" });
      led.current = at;
    }
    // What is shorter than the window scrolls nowhere.
    setIsInSight(isNearEnd(element));
    element.addEventListener("scroll", look, { passive: true });
    const sizes = new ResizeObserver(() => {
      toEnd();
      look();
    });
    sizes.observe(content.current);
    // Where one writes grows at its cost.
    sizes.observe(element);
    return () => {
      element.removeEventListener("scroll", look);
      sizes.disconnect();
    };
  }, [scroller, content, at, isThere]);
  return {
    isInSight,
    onClick({ target }) {
      if (target instanceof Element && target.closest("summary") !== null) isAtEnd.current = false;
    },
  };
}

function isNearEnd({ scrollHeight, scrollTop, clientHeight }: Element): boolean {
  return scrollHeight - scrollTop - clientHeight < NEAR_PX;
}

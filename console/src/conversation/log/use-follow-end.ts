// Keeps the end of a log in sight while one is there.
import { type RefObject, type SyntheticEvent, useLayoutEffect, useRef, useState } from "react";
import { BEGINNING } from "./use-log.ts";

/** Who comes so near to its end reads along from then on. */
const NEAR_PX = 80;
/** Scrolled no further up than this, one is still at the end: places are fractions of pixels. */
const AT_END_PX = 2;

export interface FollowedEnd {
  readonly isInSight: boolean;
  /** Goes there, and stays there while it grows. */
  go(): void;
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
  const go = useRef(() => {});
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null || content.current === null) return;
    /** While it is followed, nothing else may scroll it: Chromium would keep in place what the window is about to let go. */
    const follow = (is: boolean) => {
      isAtEnd.current = is;
      element.style.overflowAnchor = is ? "none" : "auto";
    };
    follow(at === undefined);
    /** Where the log was when it was last looked at. */
    let place = element.scrollTop;
    const look = () => {
      // The end may be further away than before because the log has grown since: then nobody has scrolled up.
      const isFollowed = isAtEnd.current && element.scrollTop >= place;
      follow(isFollowed || fromEnd(element) < (isAtEnd.current ? AT_END_PX : NEAR_PX));
      place = element.scrollTop;
      setIsInSight(isAtEnd.current);
    };
    const toEnd = () => {
      if (isAtEnd.current) element.scrollTop = element.scrollHeight;
    };
    go.current = () => {
      follow(true);
      toEnd();
      look();
    };
    toEnd();
    if (at === undefined || isThere) {
      if (at === BEGINNING && led.current !== at) element.scrollTop = 0;
      else if (led.current !== at) element.querySelector("[data-target]")?.scrollIntoView({ block: "center" });
      led.current = at;
    }
    // What is shorter than the window scrolls nowhere.
    setIsInSight(fromEnd(element) < NEAR_PX);
    place = element.scrollTop;
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
    go: () => go.current(),
    onClick({ target }) {
      if (target instanceof Element && target.closest("summary") !== null) isAtEnd.current = false;
    },
  };
}

function fromEnd({ scrollHeight, scrollTop, clientHeight }: Element): number {
  return scrollHeight - scrollTop - clientHeight;
}

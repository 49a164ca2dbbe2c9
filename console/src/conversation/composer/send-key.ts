// The key that sends what is written.
import type { KeyboardEvent } from "react";

export function isSend({ key, shiftKey, nativeEvent }: KeyboardEvent): boolean {
  // Enter ends the composition of a character in some scripts. Safari tells of it once that has ended, and only the old
  // code of the key says what it was.
  const isOfComposition = nativeEvent.isComposing || nativeEvent.keyCode === 229;
  return key === "Enter" && !shiftKey && !isOfComposition;
}

// The key that sends what is written.
import type { KeyboardEvent } from "react";

export function isSend({ key, shiftKey, nativeEvent }: KeyboardEvent): boolean {
  // Enter ends the composition of a character in some scripts.
  return key === "Enter" && !shiftKey && !nativeEvent.isComposing;
}

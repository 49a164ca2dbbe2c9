// The key that leaves what one is in.
import type { KeyboardEvent } from "react";

export function isEscape({ key, nativeEvent }: KeyboardEvent): boolean {
  // While a character is composed, it ends that composition alone.
  return key === "Escape" && !nativeEvent.isComposing;
}

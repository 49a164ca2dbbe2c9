// What the browser's tab says: it tells the tabs and the history of one person apart.
import { useEffect } from "react";
import { text } from "../strings/en.ts";

/** @param title of the view. Empty or undefined: it has none yet */
export function useTabTitle(title = ""): void {
  useEffect(() => {
    document.title = title === "" ? text.product : `${title} · ${text.product}`;
    return () => {
      document.title = text.product;
    };
  }, [title]);
}

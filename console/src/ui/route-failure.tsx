// A page whose code failed, or failed to load.
import type { ErrorComponentProps } from "@tanstack/react-router";
import { text } from "../strings/en.ts";
import { FailureNotice } from "./failure-notice.tsx";

/** In the words of Chromium, Firefox and Safari, and of the code that loads a view's styles. */
const NOT_LOADED =
  /^(Failed to fetch dynamically imported module|error loading dynamically imported module|Importing a module script failed|Unable to preload CSS)/;

export function RouteFailure({ error, reset }: ErrorComponentProps) {
  const isNotLoaded = error instanceof Error && NOT_LOADED.test(error.message);
  if (!isNotLoaded) return <FailureNotice error={error} onRetry={reset} />;
  return <FailureNotice error={new Error(text.failure.view)} onRetry={() => void reload()} />;
}

/**
 * The page keeps the failure of a view that was not loaded, and an updated server no longer has the files that this page
 * names: only a new page loads it. Without the server there would be none.
 */
async function reload(): Promise<void> {
  const isThere = await fetch(location.href, { method: "HEAD", cache: "no-store" }).then(
    ({ ok }) => ok,
    () => false,
  );
  if (isThere) location.reload();
}

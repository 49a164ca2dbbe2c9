// A page whose code failed, or failed to load.
import type { ErrorComponentProps } from "@tanstack/react-router";
import { FailureNotice } from "./failure-notice.tsx";

export function RouteFailure({ error, reset }: ErrorComponentProps) {
  return <FailureNotice error={error} onRetry={reset} />;
}

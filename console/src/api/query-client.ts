// How reads are kept and tried again.
import { Code, ConnectError } from "@connectrpc/connect";
import { QueryClient } from "@tanstack/react-query";
import { isUnreachable } from "./failure.ts";

/** Codes of failures that pass by themselves. */
const PASSING: ReadonlySet<Code> = new Set([Code.Unavailable, Code.DeadlineExceeded, Code.Aborted]);

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        gcTime: 60_000,
        // The browser may think that it is offline while a server on this machine is there.
        networkMode: "always",
        retry: (count, error) => isUnreachable(error) || (count < 3 && PASSING.has(ConnectError.from(error).code)),
        retryDelay: (count) => Math.min(5_000, 300 * 2 ** count),
      },
      mutations: { networkMode: "always" },
    },
  });
}

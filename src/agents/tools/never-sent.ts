// Whether a call of a tool that failed has reached nobody, so that it has not run.
import { AgentFailure } from "../connectors/connector.ts";

/** Failures of looking up a name, of connecting and of TLS: until then nothing of a request is sent. */
const BEFORE_SENDING: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_INVALID_ARG",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "ERR_TLS_CERT_ALTNAME_INVALID",
]);

/** False where that is not sure. */
export function wasNeverSent(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    // The address is refused, or the port by fetch itself.
    if (at instanceof AgentFailure || at.message === "bad port" || BEFORE_SENDING.has((at as { code?: unknown }).code))
      return true;
    // Each address of a name has failed for itself.
    if (at instanceof AggregateError) return at.errors.length > 0 && at.errors.every(wasNeverSent);
  }
  return false;
}

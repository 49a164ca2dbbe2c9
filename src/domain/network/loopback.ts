// Names and addresses by which a machine reaches itself.
import { isIP } from "node:net";

/**
 * Whether an address or name can be reached from this machine alone (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3, RFC 6761
 * §6.3).
 */
export function isLoopback(address: string): boolean {
  const bare = withoutBrackets(address).toLowerCase();
  if (bare === "localhost" || bare.endsWith(".localhost") || bare === "::1") return true;
  const v4 = bare.startsWith("::ffff:") ? bare.slice(7) : bare;
  return isIP(v4) === 4 && v4.startsWith("127.");
}

/** The address in `[::1]`. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}

// The host names by which a request may address the server. Without this check, a page whose host name resolves to this
// machine (DNS rebinding) would be same-origin, and CORS would not apply to it.
import { isIP, type Socket } from "node:net";
import { isLoopback, withoutBrackets } from "../domain/network/loopback.ts";

export interface HostOptions {
  /** Names besides those of this machine, in lower case. */
  readonly names: readonly string[];
}

/** Health is reported under any host name, because load balancers use their own. */
const OPEN_PATHS = new Set(["/healthz", "/readyz"]);

/** Whether a request with this authority (`host` or `host:port`) and path is for this server. */
export type HostCheck = (authority: string, path: string, socket: ArrivedAt | undefined) => boolean;

/** The end of the connection that is ours. */
type ArrivedAt = Pick<Socket, "localAddress">;

/**
 * Takes loopback names, the address that the request arrived at, and `names`. A request without a name passes: no
 * browser sends one.
 */
export function createHostCheck({ names }: HostOptions): HostCheck {
  const known = new Set(names);
  // Most requests have one authority.
  let lastGood: string | undefined;

  return (authority, path, socket) => {
    if (authority === lastGood) return true;
    const host = nameIn(authority);
    if (host === "" || isLoopback(host) || known.has(host)) {
      lastGood = authority;
      return true;
    }
    return (isIP(host) !== 0 && host === addressOf(socket)) || OPEN_PATHS.has(path);
  };
}

/** IPv4 as IPv4. */
function addressOf(socket: ArrivedAt | undefined): string {
  return (socket?.localAddress ?? "").replace(/^::ffff:(?=\d+\.)/, "");
}

/** The host of an authority, as it is compared: in lower case, without brackets and the dot of a full name. */
function nameIn(authority: string): string {
  const host = authority.replace(/:\d*$/, "").toLowerCase();
  return withoutBrackets(host).replace(/\.$/, "");
}

// What TLS asks of a server at a name that was resolved before: a library that is given the address checks the certificate
// against that.
import { isIP } from "node:net";

export interface TlsNames {
  /** What the certificate must be for. */
  readonly host: string;
  /** The name that the server is asked for: addresses are not asked for. */
  readonly servername?: string;
}

/** @param host a name, or an address without brackets */
export function tlsNames(host: string): TlsNames {
  return isIP(host) === 0 ? { host, servername: host } : { host };
}

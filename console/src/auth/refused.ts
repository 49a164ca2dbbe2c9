// Credentials that the server does not accept.
import { Code, ConnectError } from "@connectrpc/connect";

/** Also one that no header can hold, such as a text with a line feed: it is none. */
export function isRefused(error: unknown): boolean {
  const { code, cause } = ConnectError.from(error);
  return code === Code.Unauthenticated || (cause instanceof TypeError && /header/i.test(cause.message));
}

// Refuses a request whose compression is not known, for all lanes.
import type { Call } from "../../pipeline/call.ts";
import { ACCEPTED, requestCompression } from "./compression.ts";
import type { Incoming, Protocol } from "./unary/protocol.ts";

/** Names what is accepted beside the refusal, as the specifications of Connect and gRPC ask. */
export function checkCompression(
  protocol: Pick<Protocol, "requestEncoding" | "acceptHeader">,
  incoming: Incoming,
  call: Call,
): void {
  try {
    requestCompression(protocol.requestEncoding(incoming));
  } catch (error) {
    call.context.setHeader(protocol.acceptHeader, ACCEPTED);
    throw error;
  }
}

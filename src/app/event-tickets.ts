// How a browser's EventSource, which sends no header of its own, brings a credential: a ticket in the query.
import { TICKET } from "../access/credential.ts";
import type { Mount } from "../protocols/rest/binding/mount.ts";

/** RFC 6750, section 2.3. */
const PARAMETER = "access_token";

/** A ticket is taken where an EventSource asks, and nowhere else: a GET that takes events and nothing but events. */
export const eventTickets: Pick<Mount, "header" | "reservedParameters"> = {
  reservedParameters: [PARAMETER],
  header(name, { method, headers }, query) {
    if (name !== TICKET || method !== "GET" || headers.accept !== "text/event-stream") return undefined;
    return new URLSearchParams(query).get(PARAMETER) ?? undefined;
  },
};

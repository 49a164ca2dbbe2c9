// Credentials of a browser's EventSource, which cannot send headers: a ticket in the query.
import { TICKET } from "../access/credential.ts";
import type { Mount } from "../protocols/rest/binding/mount.ts";

/** RFC 6750, section 2.3. */
const PARAMETER = "access_token";

/** A ticket is accepted only in a request like EventSource's: a GET that accepts only events. */
export const eventTickets: Pick<Mount, "header" | "reservedParameters"> = {
  reservedParameters: [PARAMETER],
  header(name, { method, headers }, query) {
    if (name !== TICKET || method !== "GET" || headers.accept !== "text/event-stream") return undefined;
    return new URLSearchParams(query).get(PARAMETER) ?? undefined;
  },
};

// Request ids in a dialect's own spelling.
import { randomInt } from "node:crypto";
import type { Mount } from "../../protocols/rest/binding/mount.ts";

const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH = 20;
const FORM = /^req_[0-9A-Za-z]{20}$/;

/**
 * A mount's `header` that gives every request an id of the form `req_` and 20 letters or digits: the caller's
 * `X-Request-Id` where it has that form, else a new one.
 */
export function prefixedRequestIds(): NonNullable<Mount["header"]> {
  const ids = new WeakMap<object, string>();
  return (name, request) => {
    if (name !== "x-request-id") return undefined;
    let id = ids.get(request);
    if (id === undefined) {
      const given = request.headers["x-request-id"];
      id = typeof given === "string" && FORM.test(given) ? given : newRequestId();
      ids.set(request, id);
    }
    return id;
  };
}

function newRequestId(): string {
  return `req_${Array.from({ length: LENGTH }, () => LETTERS[randomInt(LETTERS.length)]).join("")}`;
}

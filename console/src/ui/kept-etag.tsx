// The etag that something had when its form was opened: what others change meanwhile must not be overwritten.
import { useState } from "react";

/** A hidden field `etag`. The list behind the form may be read anew without a change to it. */
export function KeptEtag({ value }: { value: string }) {
  const [first] = useState(value);
  return <input type="hidden" name="etag" value={first} />;
}

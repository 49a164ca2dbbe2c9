// How the content type of a call is spelled where calls are told apart by it.

/** In lower case, and for JSON without a charset that says UTF-8. Most callers spell it so, and are not looked at twice. */
export function formName(contentType: string | undefined): string {
  const given = contentType ?? "";
  if (/^[a-z/+-]*$/.test(given)) return given;
  const lower = given.toLowerCase();
  const bare = lower.replace(/; ?charset=utf-?8$/, "");
  return bare.endsWith("json") ? bare : lower;
}

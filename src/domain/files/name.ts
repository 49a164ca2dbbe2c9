// The names of files: stored as given, and sent to browsers in a form that all of them read alike.

/** Line breaks and other controls, and all that turn the direction of a text, by which `gpj.exe` reads as `exe.jpg`. */
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

/** What is wrong with a file's name, as a rule; undefined: nothing. An empty name is none. */
export function nameFault(name: string): string | undefined {
  if (/[/\\]/.test(name) || name === "." || name === "..") return "must be a name without a path";
  if (CONTROLS.test(name)) return "must have no control characters, and none that turn the direction of text";
  if ([...name].length > 255) return "must be at most 255 characters";
  return undefined;
}

/**
 * The same for a name that comes with an upload: forms and the metadata of uploads are decoded before they are looked
 * at, and what was no UTF-8 is U+FFFD by then.
 */
export function newNameFault(name: string): string | undefined {
  return name.includes("\ufffd") ? "must be valid UTF-8, without U+FFFD" : nameFault(name);
}

/** `Content-Disposition` for a file (RFC 6266): the name as it is, and in ASCII for those that do not read that. */
export function dispositionOf(kind: "inline" | "attachment", name: string): string {
  if (name === "") return kind;
  const plain = name.replaceAll(/[^\x20-\x7e]|["\\%]/g, "_");
  return `${kind}; filename="${plain}"${plain === name ? "" : `; filename*=UTF-8''${extended(name)}`}`;
}

/** The value-chars of RFC 8187. */
function extended(name: string): string {
  return encodeURIComponent(name.toWellFormed()).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

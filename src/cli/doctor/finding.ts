// The result of a check of `doctor`.

export interface Finding {
  /** `fail`: the server does not start, or cannot serve. `warn`: it does, with a risk. */
  readonly level: "ok" | "warn" | "fail";
  /** What was checked. */
  readonly subject: string;
  /** What was found and, unless it is fine, what to do. */
  readonly text: string;
}

export const ok = (subject: string, text: string): Finding => ({ level: "ok", subject, text });
export const warn = (subject: string, text: string): Finding => ({ level: "warn", subject, text });
export const fail = (subject: string, text: string): Finding => ({ level: "fail", subject, text });

/** The message of an error and its causes, on one line. */
export function reasonOf(error: unknown): string {
  const messages: string[] = [];
  for (let at = error; at instanceof Error && messages.length < 4; at = at.cause) {
    const message = at.message || ((at as NodeJS.ErrnoException).code ?? at.name);
    if (!messages.some((other) => other.includes(message))) messages.push(message);
  }
  return messages.join(": ").replaceAll(/\s*\n\s*/g, " ") || String(error);
}

// What the texts of actors begin with that are not members.

/** No member's id begins with one of them: see `isMemberId`. */
export const RESERVED = { key: "key:", agent: "agent:", system: "system:" } as const;

/** Whether a text stands for another actor than a member. */
export function isReserved(text: string): boolean {
  return Object.values(RESERVED).some((prefix) => text.startsWith(prefix));
}

// Origins of pages, as browsers name them.

/** Whether a page of this origin was read from this host. */
export function isOrigin(origin: string, host: string): boolean {
  return URL.parse(origin)?.host === host.toLowerCase();
}

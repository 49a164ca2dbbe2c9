// Pages that are counted, as the dialects ask for them.

/** The most items that the services skip; nobody has as many. */
const MAX_SKIP = 10_000_000;

/** How many items stand before a page, from 1. */
export function skipOf(page: number, size: number): number {
  return Math.min((page - 1) * size, MAX_SKIP);
}

/** How many pages so many items make; 0 for none. */
export function totalPages(total: number, size: number): number {
  return Math.ceil(total / size);
}

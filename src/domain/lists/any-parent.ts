/** In place of an id, stands for any parent (AIP-159). */
export const ANY_PARENT = "-";

// The exit statuses of the command line.

export const DONE = 0;
export const FAILED = 1;
/** The command line or the settings are invalid. */
export const MISUSED = 2;

// The error of a setting, or of what it names, that is found only when it is used.

/** The message is for the operator: it names the setting or the file, and says what to do. Told without a stack. */
export class SettingError extends Error {}

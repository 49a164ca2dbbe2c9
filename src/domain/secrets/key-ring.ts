// Keys that all servers of a database share, as those who use them see them.

/** Bytes that all servers read and change, such as a list of keys. */
export interface KeyRing {
  /**
   * Undefined: no server has written it yet. If the operator's keys do not unwrap it, returns what was read or written
   * last, and throws a SettingError if nothing was.
   */
  read(): Promise<Buffer | undefined>;
  /**
   * Replaces what is there with what `edit` returns, and returns it. Servers that change it at the same time take
   * turns, so `edit` sees what the one before has written. Throws a SettingError if the operator's keys do not unwrap
   * it.
   */
  change(edit: (current: Buffer | undefined) => Promise<Buffer>): Promise<Buffer>;
}

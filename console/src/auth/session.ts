// Who uses the console: the credential of this tab, which never leaves session storage.

export interface Session {
  /** An API key or a token. */
  readonly credential: string;
  /** The member that an API key acts for. */
  readonly actFor?: string;
  /** As WhoAmI told at sign-in. */
  readonly tenant: string;
  readonly name: string;
}

export type SessionEnd = "signed-out" | "expired";

export interface SessionStore {
  current(): Session | undefined;
  /** Why there is none, where there was one. */
  ended(): SessionEnd | undefined;
  begin(session: Session): void;
  end(why: SessionEnd): void;
  /** Called whenever it begins or ends. Returns what stops that. */
  subscribe(listener: () => void): () => void;
}

const KEY = "colloquy.session";

export function createSession(storage: Storage): SessionStore {
  const listeners = new Set<() => void>();
  let current = read(storage);
  let ended: SessionEnd | undefined;
  const changed = () => {
    for (const listener of listeners) listener();
  };
  return {
    current: () => current,
    ended: () => ended,
    begin(session) {
      current = session;
      ended = undefined;
      storage.setItem(KEY, JSON.stringify(session));
      changed();
    },
    end(why) {
      current = undefined;
      ended = why;
      storage.removeItem(KEY);
      changed();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function read(storage: Storage): Session | undefined {
  try {
    const session: unknown = JSON.parse(storage.getItem(KEY) ?? "null");
    const isSession = typeof session === "object" && session !== null && "credential" in session;
    return isSession ? (session as Session) : undefined;
  } catch {
    return undefined;
  }
}

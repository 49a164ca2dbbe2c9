// Whether the server can be reached, as the calls and streams of the page tell.

export interface Connection {
  readonly isLost: () => boolean;
  lost(): void;
  ok(): void;
  /** Called whenever it changes. Returns what stops that. */
  subscribe(listener: () => void): () => void;
  /** Called when the server is reached again. */
  onBack(listener: () => void): void;
}

export function createConnection(): Connection {
  const listeners = new Set<() => void>();
  const onBack = new Set<() => void>();
  let isLost = false;
  const set = (lost: boolean) => {
    if (lost === isLost) return;
    isLost = lost;
    for (const listener of listeners) listener();
    if (!lost) for (const listener of onBack) listener();
  };
  return {
    isLost: () => isLost,
    lost: () => set(true),
    ok: () => set(false),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onBack: (listener) => void onBack.add(listener),
  };
}

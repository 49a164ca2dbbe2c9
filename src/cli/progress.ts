// Tells on standard error how far a long command has come: a bar on a terminal, nothing elsewhere.

const WIDTH = 30;
const EVERY_MS = 100;

export interface Progress {
  /** `done` of `total`, and what to say beside it. Without a total there is no bar. */
  show(done: number, total: number | undefined, words: string): void;
  /** Leaves the last state standing. */
  end(): void;
}

export function createProgress(terminal: NodeJS.WriteStream = process.stderr): Progress {
  let shown = 0;
  let last: string | undefined;
  const draw = (line: string) => terminal.write(`\r${line.slice(0, (terminal.columns ?? 80) - 1)}\x1b[K`);
  return {
    show(done, total, words) {
      if (!terminal.isTTY) return;
      const part = total ? Math.min(done / total, 1) : undefined;
      const filled = Math.round((part ?? 0) * WIDTH);
      const bar = `[${"#".repeat(filled)}${" ".repeat(WIDTH - filled)}] ${Math.floor((part ?? 0) * 100)} % `;
      last = `${part === undefined ? "" : bar}${words}`;
      if (Date.now() - shown < EVERY_MS) return;
      shown = Date.now();
      draw(last);
    },
    end() {
      if (last === undefined) return;
      draw(last);
      terminal.write("\n");
    },
  };
}

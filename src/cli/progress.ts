// Progress of a long command: a bar on standard error if that is a terminal, else nothing.

const WIDTH = 30;
const EVERY_MS = 100;

export interface Progress {
  /** `done` of `total`, with a text. Without a total there is no bar. */
  show(done: number, total: number | undefined, words: string): void;
  /** Draws the last state and ends the line. */
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

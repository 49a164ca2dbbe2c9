// Makes a worker's imports of the sources cheap: they took more than three seconds of a processor.
import { enableCompileCache, flushCompileCache, registerHooks } from "node:module";
import { COMPILED } from "../servers/process.ts";

// What one process has compiled, without its types, others need not.
enableCompileCache(COMPILED);

// A relative import with its extension is resolved by its text alone. Vitest would also send its main process a message for
// each, which only a run that watches needs.
registerHooks({
  resolve(specifier, context, next) {
    if (!/^\.\.?\/.*\.ts$/.test(specifier) || context.parentURL === undefined) return next(specifier, context);
    return { url: new URL(specifier, context.parentURL).href, shortCircuit: true };
  },
});

/** Writes down what has been compiled so far: a worker is ended by a signal. */
export function keepCompiled(): void {
  flushCompileCache();
}

// Preloaded by `node --import`: at its end the process writes the URLs of the modules that it has loaded, a line each.
import { writeFileSync } from "node:fs";
import { registerHooks } from "node:module";

const loaded: string[] = [];
registerHooks({
  load(url, context, next) {
    loaded.push(url);
    return next(url, context);
  },
});
process.once("exit", () => writeFileSync(process.env.LOADED_MODULES ?? "", loaded.join("\n")));

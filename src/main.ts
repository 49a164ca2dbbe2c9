#!/usr/bin/env node
// The command line.
import { enableCompileCache } from "node:module";
import { join } from "node:path";

// Until the command has set what it does: a reload that comes while the server starts must not end it.
process.on("SIGHUP", () => {});
// Before anything else is loaded: a second start then skips most of the compiling. Not in the system's temporary
// directory, where others could leave code for us.
enableCompileCache(join(import.meta.dirname, "..", "node_modules/.cache/colloquy"));
const { main } = await import("./cli/main.ts");
process.exitCode = await main(process.argv.slice(2), process.env);

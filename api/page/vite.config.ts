import { defineConfig } from "vite";

declare const process: { env: Record<string, string | undefined> };

// The API serves dist at `/`; in development vite serves the page and hands the rest to a running API
// (TIDEMARK_API, as the command line uses it).
const api = process.env["TIDEMARK_API"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  base: "./",
  build: { target: "es2022", sourcemap: false, assetsInlineLimit: 0, chunkSizeWarningLimit: 700 },
  server: { proxy: { "/api": api, "/readyz": api, "/login": api } },
});

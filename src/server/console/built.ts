// The files of the console, as `npm run build` leaves them in dist/console.
import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";

export interface BuiltConsole {
  page(): Promise<Buffer>;
  readonly assets: readonly BuiltAsset[];
}

export interface BuiltAsset {
  /** Its path below the folder, such as `assets/main-B3x.js`. */
  readonly name: string;
  readonly type: string;
  read(): Promise<Buffer>;
}

const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

/** Undefined: there is none. The bytes are read when they are asked for. */
export function findConsole(folder: string): BuiltConsole | undefined {
  if (!existsSync(join(folder, "index.html"))) return undefined;
  const read = (name: string) => () => readFile(join(folder, name));
  const assets = readdirSync(join(folder, "assets")).flatMap((file) => {
    const type = TYPES[extname(file)];
    return type === undefined ? [] : [{ name: `assets/${file}`, type, read: read(`assets/${file}`) }];
  });
  return { page: read("index.html"), assets };
}

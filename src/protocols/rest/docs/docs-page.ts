// The page that shows a document: Swagger UI, from its npm package.
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export interface ServedDocument {
  /** In lower-case letters, digits and hyphens; the page of every document but the first is `<path>/<name>`. */
  readonly name: string;
  /** What people read. */
  readonly title: string;
  /** Where the document is served, such as `/openapi.json`. */
  readonly path: string;
  /** The document as JSON text. Called when it is first asked for. */
  read(): Promise<Buffer>;
}

export interface DocsOptions {
  /** At least one. The first is shown at `path`. */
  readonly documents: readonly ServedDocument[];
  /** The folder of Swagger UI, as scripts/third-party.ts copies it. */
  readonly viewer: string;
  /** Where the viewer is. Default: `/docs`. */
  readonly path?: string;
  /** Origins beside its own that the page may call, for trying out servers elsewhere. Default: none. */
  readonly connect?: readonly string[];
}

export interface ViewerFile {
  readonly name: string;
  readonly type: string;
  /** The file's text, where it is not one of the package. */
  readonly text?: string;
}

// Starts the viewer. It must not be inline: the page's policy forbids it.
const START = `addEventListener("DOMContentLoaded", () => {
  const root = document.getElementById("viewer");
  SwaggerUIBundle({
    domNode: root,
    url: root.dataset.url,
    deepLinking: true,
    validatorUrl: null,
    displayRequestDuration: true,
    defaultModelsExpandDepth: 0,
    persistAuthorization: false,
  });
});
`;

const STYLE = `body { margin: 0; }
nav { display: flex; gap: 1rem; padding: 0.75rem 1.25rem; font: 14px system-ui, sans-serif; border-bottom: 1px solid #ddd; }
nav a { color: #3b4151; }
nav a[aria-current] { font-weight: 600; text-decoration: none; }
`;

export const VIEWER_FILES: readonly ViewerFile[] = [
  { name: "swagger-ui-bundle.js", type: "text/javascript; charset=utf-8" },
  { name: "swagger-ui.css", type: "text/css; charset=utf-8" },
  { name: "favicon-32x32.png", type: "image/png" },
  { name: "start.js", type: "text/javascript; charset=utf-8", text: START },
  { name: "page.css", type: "text/css; charset=utf-8", text: STYLE },
];

export async function viewerFile({ name, text }: ViewerFile, viewer: string): Promise<Buffer> {
  if (text !== undefined) return Buffer.from(text);
  return readFile(join(viewer, name));
}

export function createPage(shown: ServedDocument, { documents, path = "/docs" }: Omit<DocsOptions, "viewer">): string {
  const links = documents.map((document, index) => {
    const current = document === shown ? ` aria-current="page"` : "";
    return `<a href="${index === 0 ? path : `${path}/${document.name}`}"${current}>${escaped(document.title)}</a>`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(shown.title)}</title>
<link rel="icon" type="image/png" href="${path}/favicon-32x32.png">
<link rel="stylesheet" href="${path}/swagger-ui.css">
<link rel="stylesheet" href="${path}/page.css">
<script src="${path}/swagger-ui-bundle.js" defer></script>
<script src="${path}/start.js" defer></script>
</head>
<body>
${documents.length > 1 ? `<nav aria-label="Documents">${links.join("")}</nav>` : ""}
<div id="viewer" data-url="${escaped(shown.path)}"></div>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

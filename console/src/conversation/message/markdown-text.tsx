// A text as Markdown. One that the parser cannot take is shown as it is.
import { useEffect, useMemo, useRef } from "react";
import { renderMarkdown } from "./markdown.ts";
import { isRendered } from "./markdown-limits.ts";
import styles from "./markdown-text.module.css";

export function MarkdownText({ source }: { source: string }) {
  const html = useMemo(() => (isRendered(source) ? rendered(source) : undefined), [source]);
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (html?.includes('<code class="language-') !== true) return;
    let isShown = true;
    import("./code-colours.ts").then(
      ({ colourCode }) => isShown && element.current !== null && colourCode(element.current),
      // Without the colours the code is as readable as before.
      () => {},
    );
    return () => {
      isShown = false;
    };
  }, [html]);
  if (html === undefined)
    return (
      <p className={styles.plain} dir="auto">
        {source}
      </p>
    );
  // biome-ignore lint/security/noDangerouslySetInnerHtml: it was sanitised
  return <div ref={element} className={styles.markdown} dir="auto" dangerouslySetInnerHTML={{ __html: html }} />;
}

/** Undefined: the parser failed. */
function rendered(source: string): string | undefined {
  try {
    return renderMarkdown(source);
  } catch {
    return undefined;
  }
}

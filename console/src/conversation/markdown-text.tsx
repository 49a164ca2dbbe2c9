// A text as Markdown. One that the parser cannot take is shown as it is.
import { useMemo } from "react";
import { renderMarkdown } from "./markdown.ts";
import { isRendered } from "./markdown-limits.ts";
import styles from "./markdown-text.module.css";

export function MarkdownText({ source }: { source: string }) {
  const html = useMemo(() => (isRendered(source) ? rendered(source) : undefined), [source]);
  if (html === undefined) return <p className={styles.plain}>{source}</p>;
  // biome-ignore lint/security/noDangerouslySetInnerHtml: it was sanitised
  return <div className={styles.markdown} dangerouslySetInnerHTML={{ __html: html }} />;
}

/** Undefined: the parser failed. */
function rendered(source: string): string | undefined {
  try {
    return renderMarkdown(source);
  } catch {
    return undefined;
  }
}

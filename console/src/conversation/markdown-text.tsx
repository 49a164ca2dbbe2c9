// A text as Markdown. A very long one is shown as it is.
import { useMemo } from "react";
import { renderMarkdown } from "./markdown.ts";
import styles from "./markdown-text.module.css";

const MAX_MARKDOWN = 50_000;

export function MarkdownText({ source }: { source: string }) {
  const html = useMemo(() => (source.length > MAX_MARKDOWN ? undefined : renderMarkdown(source)), [source]);
  if (html === undefined) return <p className={styles.plain}>{source}</p>;
  // biome-ignore lint/security/noDangerouslySetInnerHtml: it was sanitised
  return <div className={styles.markdown} dangerouslySetInnerHTML={{ __html: html }} />;
}

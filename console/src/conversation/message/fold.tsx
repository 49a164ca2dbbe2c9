// What is long and seldom read: a title, and the rest on demand.
import type { ReactNode } from "react";
import styles from "./fold.module.css";

export function Fold({ title, children }: { title: ReactNode; children: ReactNode }) {
  return (
    <details className={styles.fold}>
      <summary className={styles.title}>{title}</summary>
      <div className={styles.content}>{children}</div>
    </details>
  );
}

/** Text as it is: JSON with indentation where it is JSON. */
export function Source({ text }: { text: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and must scroll with the keyboard too
    <pre className={styles.source} tabIndex={0}>
      {pretty(text)}
    </pre>
  );
}

function pretty(text: string): string {
  // Numbers beyond 2^53 would change.
  if (!/^\s*[[{]/.test(text) || /\d{16}/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}

// What views have in common: a heading with what one can do, then the content in sections.
import type { ReactNode } from "react";
import styles from "./page.module.css";
import { useTabTitle } from "./tab-title.ts";

export interface PageProps {
  readonly title: ReactNode;
  readonly hint?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

export function Page({ title, hint, actions, children }: PageProps & { readonly title: string }) {
  useTabTitle(title);
  return (
    <div className={styles.page}>
      <div className={styles.inner}>
        <div className={styles.head}>
          <h1 className={styles.title}>{title}</h1>
          {actions !== undefined && <div className={styles.actions}>{actions}</div>}
        </div>
        {hint !== undefined && <p className={styles.hint}>{hint}</p>}
        {children}
      </div>
    </div>
  );
}

export function Section({ title, hint, actions, children }: PageProps) {
  return (
    <section className={styles.section}>
      <div className={styles.head}>
        <h2 className={styles.heading}>{title}</h2>
        {actions !== undefined && <div className={styles.actions}>{actions}</div>}
      </div>
      {hint !== undefined && <p className={styles.hint}>{hint}</p>}
      {children}
    </section>
  );
}

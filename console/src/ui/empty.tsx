// A view with nothing in it: says so, and what to do.
import type { ReactNode } from "react";
import styles from "./empty.module.css";

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <section className={styles.empty}>
      <h2 className={styles.title}>{title}</h2>
      <div>{children}</div>
    </section>
  );
}

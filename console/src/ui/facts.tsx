// What is known about one thing, by name. Facts without a value are left out.
import type { ReactNode } from "react";
import styles from "./facts.module.css";

/** A value of several lines: it has the whole width, and scrolls where it is long. */
export function LongFact({ children }: { children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and must scroll with the keyboard too
    <div className={styles.long} tabIndex={0}>
      {children}
    </div>
  );
}

export function Facts({ of }: { of: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className={styles.facts}>
      {of
        .filter(([, value]) => value !== undefined && value !== "" && value !== false && value !== null)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

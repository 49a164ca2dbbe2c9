// Amounts as bars, from zero. The same numbers are in a table beside it, so this is a picture with one description.
import styles from "./bars.module.css";

export interface Bar {
  readonly key: string;
  readonly value: number;
  /** Shown where the pointer rests. */
  readonly label: string;
  readonly isBad?: boolean;
}

export interface BarsProps {
  readonly title: string;
  readonly bars: readonly Bar[];
  /** What the highest bar stands for. Empty: it is not said. */
  readonly maximum: string;
  /** For how many bars there is room at least. Default: as many as there are. */
  readonly room?: number;
  readonly sum?: string;
  /** Below the first and the last bar. */
  readonly ends?: readonly [string, string];
}

const HEIGHT = 100;

export function Bars({ title, bars, maximum, sum, ends, room = 1 }: BarsProps) {
  const most = Math.max(1e-9, ...bars.map(({ value }) => value));
  const width = Math.max(room, bars.length);
  const description = [title, sum, maximum, ends?.join(" – ")].filter(Boolean).join(", ");
  return (
    <figure className={styles.frame}>
      <figcaption className={styles.head}>
        <strong>{title}</strong>
        <span className={styles.sum}>{[sum, maximum].filter(Boolean).join(" · ")}</span>
      </figcaption>
      <svg
        className={styles.chart}
        viewBox={`0 0 ${width} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={description}
      >
        <line className={styles.axis} x1="0" x2={width} y1={HEIGHT} y2={HEIGHT} />
        {bars.map(({ key, value, label, isBad }, index) => {
          // What is more than nothing is seen.
          const height = value === 0 ? 0 : Math.max(1.5, (value / most) * HEIGHT);
          return (
            <rect
              key={key}
              className={isBad ? styles.bad : styles.bar}
              x={index + 0.1}
              width={0.8}
              y={HEIGHT - height}
              height={height}
            >
              <title>{label}</title>
            </rect>
          );
        })}
      </svg>
      {ends !== undefined && (
        <div className={styles.ends} aria-hidden="true">
          <span>{ends[0]}</span>
          <span>{ends[1]}</span>
        </div>
      )}
    </figure>
  );
}

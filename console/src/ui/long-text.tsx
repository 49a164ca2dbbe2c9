// A text in a table: of a long one the beginning, and the rest where somebody asks for it.
import { Anchor } from "@mantine/core";
import { useState } from "react";
import { text } from "../strings/en.ts";
import { beginningOf } from "./beginning-of.ts";
import styles from "./long-text.module.css";

export function LongText({ of: whole }: { of: string }) {
  const [isWhole, setIsWhole] = useState(false);
  const beginning = beginningOf(whole);
  if (beginning === whole) return whole;
  return (
    <div className={styles.text}>
      {isWhole ? whole : beginning}{" "}
      <Anchor inherit component="button" type="button" aria-expanded={isWhole} onClick={() => setIsWhole(!isWhole)}>
        {isWhole ? text.common.less : text.common.whole}
      </Anchor>
    </div>
  );
}

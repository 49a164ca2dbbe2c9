// Colours of code, loaded with the first block of it. The text stays what it is: only spans with classes come around
// its words.
import DOMPurify from "dompurify";
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";

for (const [name, language] of Object.entries({
  ...{ bash, css, diff, go, java, javascript, json, python, rust, sql, typescript, xml, yaml },
})) {
  hljs.registerLanguage(name, language);
}

/** A block that is longer stays in one colour: the patterns of some languages take the square of it. */
const MAX_CHARACTERS = 10_000;
// One of its own: that of Markdown removes these classes.
const purify = DOMPurify(window);

/** Colours the blocks of an element whose language is named and known. */
export function colourCode(within: ParentNode): void {
  for (const code of within.querySelectorAll("pre > code[class^=language-]")) {
    const language = code.className.slice("language-".length).toLowerCase();
    const text = code.textContent ?? "";
    if (code.firstElementChild !== null || text.length > MAX_CHARACTERS || !hljs.getLanguage(language)) continue;
    const { value } = hljs.highlight(text, { language, ignoreIllegals: true });
    code.innerHTML = purify.sanitize(value, {
      ALLOWED_TAGS: ["span"],
      ALLOWED_ATTR: ["class"],
      ALLOW_DATA_ATTR: false,
    });
  }
}

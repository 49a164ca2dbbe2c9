// Markdown as HTML that can do nothing: no script, no style, no form, no picture from elsewhere.
import DOMPurify from "dompurify";
import { Marked } from "marked";

/** HTML in it is shown as the text that it is, and a picture as a link: nothing is fetched unasked. */
const marked = new Marked({
  gfm: true,
  breaks: true,
  async: false,
  renderer: {
    html: ({ text }) => escaped(text),
    image: ({ href, text }) => `<a href="${escaped(href)}">${escaped(text || href)}</a>`,
  },
});

const ALLOWED_TAGS = [
  ...["a", "b", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "kbd", "li"],
  ...["ol", "p", "pre", "s", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul"],
];
const ALLOWED_ATTR = ["href", "title", "start", "class", "target", "rel"];

const purify = DOMPurify(window);
purify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName === "A") {
    node.setAttribute("target", "_blank");
    node.setAttribute("rel", "noopener noreferrer nofollow");
  }
  // What scrolls must scroll with the keyboard too.
  if (node.tagName === "PRE" || node.tagName === "TABLE") node.setAttribute("tabindex", "0");
  // The language of a code block is the only class that means something here.
  if (!/^language-[\w+#-]+$/.test(node.getAttribute("class") ?? "")) node.removeAttribute("class");
});

/** Links go to the web and to mail alone. */
export function renderMarkdown(source: string): string {
  return purify.sanitize(marked.parse(source) as string, {
    ALLOWED_TAGS,
    ALLOWED_ATTR,
    ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
    ALLOW_DATA_ATTR: false,
  });
}

function escaped(html: string): string {
  return html.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

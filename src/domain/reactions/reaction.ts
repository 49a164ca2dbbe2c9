// Which texts are reactions: one emoji, or a name between colons.
import { invalidField } from "../errors.ts";

/** Number of kinds of reactions that a message returns, and the maximum number of kinds that it can have. */
export const SHOWN_KINDS = 50;
export const MAX_KINDS = 100;

const NAME = /^:[a-zA-Z0-9_+-]{1,62}:$/;
export const REACTION_RULE = "must be one emoji, or a name of a-z, A-Z, 0-9, `_`, `+` and `-` between colons";

/**
 * A reaction as it is stored. Emoji that differ only in U+FE0F, which keyboards send or not, become the same. Throws
 * INVALID_FIELD for anything else than one emoji or a name.
 */
export function reactionOf(text: string): string {
  const found = NAME.test(text) ? text : emojiOf(text);
  if (found === undefined) throw invalidField("reaction", REACTION_RULE, "reaction");
  return found;
}

export function isReaction(text: string): boolean {
  return NAME.test(text) || emojiOf(text) !== undefined;
}

/**
 * The patterns are in its body: to compile them at the start of a server takes as long as to load dozens of modules.
 */
function emojiOf(text: string): string | undefined {
  /** An emoji that Unicode recommends for interchange (UTS 51, ED-27), fully qualified. */
  const recommended = /^\p{RGI_Emoji}$/v;
  /**
   * A sequence of pictures with joiners (UTS 51, ED-16), for those that came after the Unicode version of this Node.
   */
  const sequence =
    /^\p{Extended_Pictographic}[\uFE0F\p{Emoji_Modifier}]?(?:\u200D\p{Extended_Pictographic}[\uFE0F\p{Emoji_Modifier}]?)*$/v;
  /** What is shown as text unless U+FE0F follows it, without a skin tone, which does the same. */
  const textByDefault = /([\p{Emoji}--\p{Emoji_Presentation}])(?!\p{Emoji_Modifier})/gv;
  const bare = text.replaceAll("\uFE0F", "");
  if (recommended.test(bare)) return bare;
  const qualified = bare.replace(textByDefault, "$1\uFE0F");
  if (recommended.test(qualified)) return qualified;
  return sequence.test(text) ? text : undefined;
}

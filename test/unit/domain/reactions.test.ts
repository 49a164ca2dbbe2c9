// What is one reaction: an emoji as Unicode defines it, or a name.
import { describe, expect, test } from "vitest";
import { isReaction, reactionOf } from "../../../src/domain/reactions/reaction.ts";

describe("one reaction", () => {
  test.each([
    ["a plain emoji", "👍"],
    ["a skin tone", "👍🏽"],
    ["a family with joiners", "👨‍👩‍👧‍👦"],
    ["a couple with two skin tones", "👩🏽‍❤️‍💋‍👨🏿"],
    ["a flag of two letters", "🇸🇪"],
    ["a flag of tags", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"],
    ["a flag with a joiner", "🏳️‍🌈"],
    ["a keycap", "1️⃣"],
    ["a symbol with its selector", "❤️"],
    ["a picture that Unicode has reserved", "\u{1FAFF}"],
    ["a name", ":ship-it:"],
    ["a name with a sign", ":+1:"],
    ["a name of 62 characters", `:${"a".repeat(62)}:`],
  ])("is %s", (_, text) => {
    expect(reactionOf(text)).toBe(text);
  });

  test.each([
    ["❤", "❤️"],
    ["👍️", "👍"],
    ["🏳‍🌈", "🏳️‍🌈"],
    ["👁‍🗨", "👁️‍🗨️"],
    ["1⃣", "1️⃣"],
    ["☝️🏽", "☝🏽"],
    ["👩‍❤‍👨", "👩‍❤️‍👨"],
  ])("%s without or with too many selectors is %s", (text, stored) => {
    expect(reactionOf(text)).toBe(stored);
  });

  test.each([
    ["nothing", ""],
    ["two emoji", "👍👍"],
    ["two flags", "🇸🇪🇳🇴"],
    ["a letter of a flag", "🇸"],
    ["a digit", "1"],
    ["a word", "yes"],
    ["an emoji and a word", "👍 yes"],
    ["a skin tone after a space", "👍 🏽"],
    ["a joiner alone", "\u200D"],
    ["a selector alone", "\uFE0F"],
    ["an emoji and a joiner", "👍\u200D"],
    ["an emoji with a mark", "👍\u0301"],
    ["a name without an end", ":ship"],
    ["an empty name", "::"],
    ["two names", ":a::b:"],
    ["a name with a space", ":a b:"],
    ["a name of 63 characters", `:${"a".repeat(63)}:`],
    ["half a surrogate pair", "\uD83D"],
    ["a line feed after it", "👍\n"],
  ])("is not %s", (_, text) => {
    expect(isReaction(text)).toBe(false);
    expect(() => reactionOf(text)).toThrow(
      "reaction: must be one emoji, or a name of a-z, A-Z, 0-9, `_`, `+` and `-` between colons",
    );
  });
});

// The languages in which the reader wants dates and numbers, which need not be that of the browser's own menus. They stand
// within English text.

/** Scripts that are written from right to left: within English text, a date of theirs is read in a wrong order. */
const RIGHT_TO_LEFT: ReadonlySet<string> = new Set(["Adlm", "Arab", "Hebr", "Nkoo", "Rohg", "Syrc", "Thaa"]);

export const LOCALES = fitting(readable(navigator.languages));

/**
 * Some browsers name languages that `Intl` refuses, such as `en-US@posix`, and one of them would fail all. Exported for
 * tests.
 */
export function readable(languages: readonly string[]): string[] {
  return languages.filter((language) => {
    try {
      return Intl.getCanonicalLocales(language).length === 1;
    } catch {
      return false;
    }
  });
}

/**
 * Languages whose digits or direction do not fit English text become the English of their region, or British English
 * where it has none, with the region's clock of 12 or 24 hours. Exported for tests.
 */
export function fitting(languages: readonly string[]): string[] {
  return languages.map((language) => {
    const { script = "", region } = new Intl.Locale(language).maximize();
    const { numberingSystem } = new Intl.NumberFormat(language).resolvedOptions();
    if (numberingSystem === "latn" && !RIGHT_TO_LEFT.has(script)) return language;
    const { hourCycle = "h23" } = new Intl.DateTimeFormat(language, { hour: "numeric" }).resolvedOptions();
    const english = `en-${region}`;
    const isKnown = new Intl.DateTimeFormat(english).resolvedOptions().locale === english;
    return `${isKnown ? english : "en-GB"}-u-hc-${hourCycle}`;
  });
}

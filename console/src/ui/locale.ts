// The languages in which the reader wants dates and numbers, which need not be that of the browser's own menus.

export const LOCALES = readable(navigator.languages);

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

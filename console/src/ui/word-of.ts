// Values of enums in words.

/** The word for a value. One that a newer server sends and these words lack is shown by its name or number. */
export function wordOf<K extends string>(
  values: Readonly<Record<K, number>>,
  value: number,
  words: Readonly<Partial<Record<K, string>>>,
): string {
  const name = (Object.keys(values) as K[]).find((key) => values[key] === value);
  return name === undefined ? String(value) : (words[name] ?? name);
}

/** The values that have a word, as choices of a form. */
export function choicesOf<K extends string>(
  values: Readonly<Record<K, number>>,
  words: Readonly<Partial<Record<K, string>>>,
): { value: string; label: string }[] {
  return (Object.keys(words) as K[]).map((name) => ({ value: String(values[name]), label: words[name] ?? name }));
}

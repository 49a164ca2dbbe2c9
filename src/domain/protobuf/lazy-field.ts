// Fields of messages that came as the text of their JSON form. They are read when somebody looks at them; whoever writes the
// message as JSON takes the text.

/** Where a message has the texts of such fields, by name, as long as nobody has looked at them. */
const TEXTS = Symbol("JSON texts of fields");

interface Holder {
  [TEXTS]?: Record<string, string> | undefined;
}

/** Sets a field to what `read` makes of a text, as late as can be. What it gives is the field's own from then on. */
export function setLazily<T>(message: object, field: string, text: string, read: (text: string) => T): void {
  const texts = { ...(message as Holder)[TEXTS], [field]: text };
  Object.defineProperty(message, TEXTS, { value: texts, configurable: true, writable: true });
  const settle = (value: T) => {
    delete texts[field];
    Object.defineProperty(message, field, { value, configurable: true, enumerable: true, writable: true });
    return value;
  };
  Object.defineProperty(message, field, {
    configurable: true,
    enumerable: true,
    get: () => settle(read(text)),
    set: settle,
  });
}

/** The text of a field that nobody has looked at; undefined: it has a value. */
export function lazyText(message: object, field: string): string | undefined {
  return (message as Holder)[TEXTS]?.[field];
}

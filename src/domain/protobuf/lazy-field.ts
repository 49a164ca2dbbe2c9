// Fields of messages that arrived as the text of their JSON form. They are parsed on first access; code that writes the
// message as JSON takes the text.

/** Where a message has the texts of such fields, by name, as long as nobody has looked at them. */
const TEXTS = Symbol("JSON texts of fields");

interface Holder {
  [TEXTS]?: Record<string, string> | undefined;
}

/**
 * A function that sets a field to what `read` makes of a text, as late as can be. What it gives is the field's own from
 * then on. The accessors are the same for all messages, so that V8 gives them one shape; best before the field has a
 * value.
 */
export function lazyField<T>(field: string, read: (text: string) => T): (message: object, text: string) => void {
  const settle = (message: Holder, value: T): T => {
    delete message[TEXTS]?.[field];
    Object.defineProperty(message, field, { value, configurable: true, enumerable: true, writable: true });
    return value;
  };
  const accessors: PropertyDescriptor & ThisType<Holder> = {
    configurable: true,
    enumerable: true,
    get() {
      return settle(this, read(this[TEXTS]?.[field] as string));
    },
    set(value: T) {
      settle(this, value);
    },
  };
  return (message, text) => {
    const texts = { ...(message as Holder)[TEXTS], [field]: text };
    Object.defineProperty(message, TEXTS, { value: texts, configurable: true, writable: true });
    Object.defineProperty(message, field, accessors);
  };
}

/** The text of a field that nobody has looked at; undefined: it has a value. */
export function lazyText(message: object, field: string): string | undefined {
  return (message as Holder)[TEXTS]?.[field];
}

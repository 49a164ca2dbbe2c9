// Caches a value derived from an object for the object's lifetime.

/** An error that is sent again and again, as when calls are turned away, need not be put into each form anew. */
export function onceEach<K extends WeakKey, V>(make: (key: K) => V): (key: K) => V {
  const made = new WeakMap<K, V>();
  return (key) => {
    let value = made.get(key);
    if (value === undefined) {
      value = make(key);
      made.set(key, value);
    }
    return value;
  };
}

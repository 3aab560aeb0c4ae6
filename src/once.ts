/** Returns a function that runs `work` on its first call and returns that result on every call. */
export function once<Value extends object>(work: () => Value): () => Value {
  let result: Value | undefined;
  return () => {
    result ??= work();
    return result;
  };
}

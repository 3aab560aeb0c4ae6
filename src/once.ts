/** A function that runs `work` at its first call and gives every call what that one gave. */
export function once<Value extends object>(work: () => Value): () => Value {
  let done: Value | undefined;
  return () => {
    done ??= work();
    return done;
  };
}

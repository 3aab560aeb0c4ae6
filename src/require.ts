/** Checks of arguments. Each throws an `InvalidInputError` that names the argument. */
import { type InputPath, InvalidInputError } from './errors.ts';

/** The largest value of PostgreSQL's `integer`: 2^31 - 1. */
export const maxInteger = 2 ** 31 - 1;

/** @throws {InvalidInputError} */
export function requireInteger(
  value: unknown,
  path: InputPath,
  { min, max = maxInteger }: { min: number; max?: number },
): asserts value is number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return;
  throw new InvalidInputError(
    path,
    `must be an integer from ${min} to ${max}, got ${describe(value)}`,
  );
}

/** @throws {InvalidInputError} */
export function requireNumber(value: unknown, path: InputPath): asserts value is number {
  if (typeof value === 'number' && Number.isFinite(value)) return;
  throw new InvalidInputError(path, `must be a finite number, got ${describe(value)}`);
}

/** @throws {InvalidInputError} */
export function requireArray(value: unknown, path: InputPath): asserts value is readonly unknown[] {
  if (Array.isArray(value)) return;
  throw new InvalidInputError(path, `must be an array, got ${describe(value)}`);
}

/** @throws {InvalidInputError} */
export function requireIterable(value: unknown, path: InputPath): void {
  if (typeof value === 'object' && value !== null) {
    const { [Symbol.iterator]: sync, [Symbol.asyncIterator]: async } = value as Partial<
      Iterable<unknown> & AsyncIterable<unknown>
    >;
    if (typeof sync === 'function' || typeof async === 'function') return;
  }
  throw new InvalidInputError(path, `must be an array or another iterable, got ${describe(value)}`);
}

/** @throws {InvalidInputError} */
export function requireObject(value: unknown, path: InputPath): asserts value is object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw new InvalidInputError(path, `must be an object, got ${describe(value)}`);
}

/** @throws {InvalidInputError} */
export function requireString(value: unknown, path: InputPath): asserts value is string {
  if (typeof value === 'string') return;
  throw new InvalidInputError(path, `must be a string, got ${describe(value)}`);
}

/** @throws {InvalidInputError} */
export function requireBoolean(value: unknown, path: InputPath): asserts value is boolean {
  if (typeof value === 'boolean') return;
  throw new InvalidInputError(path, `must be true or false, got ${describe(value)}`);
}

/** @throws {InvalidInputError} */
export function requireSignal(value: unknown, path: InputPath): asserts value is AbortSignal {
  if (value instanceof AbortSignal) return;
  throw new InvalidInputError(path, `must be an AbortSignal, got ${describe(value)}`);
}

/** @throws {InvalidInputError} */
export function requireFunction(value: unknown, path: InputPath): void {
  if (typeof value === 'function') return;
  throw new InvalidInputError(path, `must be a function, got ${describe(value)}`);
}

/** Checks one argument, which `path` names. */
export type Check = (value: unknown, path: InputPath) => void;

/** Makes a check that a value is an integer from `min` to `max`. */
export function integer(limits: { min: number; max?: number }): Check {
  return (value, path) => requireInteger(value, path, limits);
}

/**
 * Checks the options of a function. Each of them may be left out or undefined.
 *
 * @throws {InvalidInputError} The options are not an object, or one of them is not valid.
 */
export function requireOptions(options: unknown, checks: Record<string, Check>): void {
  requireObject(options, ['options']);
  for (const [name, check] of Object.entries(checks)) {
    const value: unknown = options[name as keyof typeof options];
    if (value !== undefined) check(value, ['options', name]);
  }
}

/** Describes a value for a message: numbers as they are, others by type, because errors contain no text of callers. */
export function describe(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value;
}

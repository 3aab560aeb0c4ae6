import { setTimeout as sleep } from 'node:timers/promises';

/** If a step takes longer, its actor counts as waiting for another actor's lock. */
const blockedAfterMs = 4;

/** An actor that waits at a gate for its turn. */
interface Waiting {
  enter: () => void;
}

/**
 * Runs actors one step at a time, in an order that `choices` determines. The same choices produce the same
 * order, except where actors wait for one another in the database.
 */
export class Interleaver {
  private readonly choices: readonly number[];
  private readonly waiting: Waiting[] = [];
  private running = 0;
  private steps = 0;
  private changed: () => void = () => {};

  constructor(choices: readonly number[]) {
    this.choices = choices;
  }

  /** An actor awaits this before each of its steps, so that others can go first. */
  readonly gate = (): Promise<void> =>
    new Promise((enter) => {
      this.waiting.push({ enter });
      this.changed();
    });

  /** Runs the actors to completion; `afterStep` runs while all of them wait. */
  async run(
    actors: readonly (() => Promise<void>)[],
    afterStep: () => Promise<void>,
  ): Promise<void> {
    this.running = actors.length;
    const ends = actors.map(async (actor) => {
      await this.gate();
      try {
        await actor();
      } finally {
        this.running -= 1;
        this.changed();
      }
    });
    const finished = Promise.all(ends);
    // Awaited at the end; until then a failure must not count as unhandled.
    finished.catch(() => {});
    while (this.running > 0) {
      if (this.waiting.length === 0) {
        await this.someChange();
        continue;
      }
      const choice = this.choices[this.steps % this.choices.length] ?? 0;
      // Two times out of three the last to arrive goes on: most faults need one actor to wait while
      // another gets far, and evenly mixed steps rarely do that.
      const index =
        choice % 3 === 0 ? Math.floor(choice / 3) % this.waiting.length : this.waiting.length - 1;
      const [next] = this.waiting.splice(index, 1);
      this.steps += 1;
      const stepped = this.someChange();
      next?.enter();
      await Promise.race([stepped, sleep(blockedAfterMs)]);
      await afterStep();
    }
    await finished;
  }

  private someChange(): Promise<void> {
    return new Promise((resolve) => {
      this.changed = resolve;
    });
  }
}

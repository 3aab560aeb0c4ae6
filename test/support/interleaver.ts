import { setTimeout as sleep } from 'node:timers/promises';

/** How long a step may take before its actor counts as waiting for another one's lock. */
const blockedAfterMs = 4;

/** An actor that stands at a gate, until it is its turn. */
interface Waiting {
  enter: () => void;
}

/**
 * Runs actors step by step, one step at a time, in an order that `choices` decides: the same choices
 * give the same order, but for actors that the database makes wait for one another.
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

  /** Where an actor lets others go first: at every await of its own. */
  readonly gate = (): Promise<void> =>
    new Promise((enter) => {
      this.waiting.push({ enter });
      this.changed();
    });

  /** Runs the actors to their ends; `afterStep` looks at the world while all of them stand still. */
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
    // Reported at the end; a failure must not go unhandled until then.
    finished.catch(() => {});
    while (this.running > 0) {
      if (this.waiting.length === 0) {
        await this.someChange();
        continue;
      }
      const choice = this.choices[this.steps % this.choices.length] ?? 0;
      // Two times of three the one that came last goes on: most faults need one actor to stand still
      // while another gets far, which evenly mixed steps seldom give.
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

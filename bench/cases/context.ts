import type { Ability, Contender, Session } from '../contender.ts';
import type { Backend, BenchDatabase } from '../harness/backends.ts';
import type { Sizes } from '../harness/sizes.ts';
import type { CaseResult, LeftOut } from '../result.ts';

export interface CaseContext {
  backend: Backend;
  sizes: Sizes;
  contenders: readonly Contender[];
}

/** Runs cases that share their rows. */
export type CaseGroup = (context: CaseContext) => Promise<CaseResult[]>;

/** A contender connected to a database. */
export interface Participant {
  contender: Contender;
  session: Session;
  database: BenchDatabase;
}

/** Runs `work` with each contender on its own empty database, then drops the databases. */
export async function withParticipants<Result>(
  backend: Backend,
  contenders: readonly Contender[],
  work: (participants: Participant[]) => Promise<Result>,
): Promise<Result> {
  const participants: Participant[] = [];
  try {
    for (const contender of contenders) {
      const database = await backend.create();
      participants.push({ contender, database, session: await contender.open(database.url) });
    }
    return await work(participants);
  } finally {
    for (const { session, database } of participants) {
      await session.close();
      await database.drop();
    }
  }
}

/** Separates the participants that have all of the abilities from the others, with the reasons. */
export function divide<Who extends { contender: Contender }>(
  participants: readonly Who[],
  abilities: readonly Ability[],
): { able: Who[]; leftOut: LeftOut[] } {
  const able: Who[] = [];
  const leftOut: LeftOut[] = [];
  for (const participant of participants) {
    const { name, cannot } = participant.contender;
    const why = abilities.map((ability) => cannot[ability]).find((reason) => reason !== undefined);
    if (why === undefined) able.push(participant);
    else leftOut.push({ contender: name, why });
  }
  return { able, leftOut };
}

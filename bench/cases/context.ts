import type { Ability, Contender, Session } from '../contender.ts';
import type { BenchDatabase, Place } from '../harness/places.ts';
import type { Sizes } from '../harness/sizes.ts';
import type { CaseResult } from '../result.ts';

/** What every case is given. */
export interface CaseContext {
  place: Place;
  sizes: Sizes;
  /** The package first: the others are set against it. */
  contenders: readonly Contender[];
}

/** A group of cases that share their rows. */
export type CaseGroup = (context: CaseContext) => Promise<CaseResult[]>;

/** A contender that is connected to a database of its own. */
export interface Participant {
  contender: Contender;
  session: Session;
  database: BenchDatabase;
}

/** Runs `work` with the contenders, each on an empty database, which is dropped afterwards. */
export async function withParticipants<Result>(
  place: Place,
  contenders: readonly Contender[],
  work: (participants: Participant[]) => Promise<Result>,
): Promise<Result> {
  const participants: Participant[] = [];
  try {
    for (const contender of contenders) {
      const database = await place.create();
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

/** Who takes part in a case that takes these abilities, and who is left out, with the reason. */
export function divide<Who extends { contender: Contender }>(
  participants: readonly Who[],
  abilities: readonly Ability[],
): { able: Who[]; leftOut: CaseResult['leftOut'] } {
  const able: Who[] = [];
  const leftOut: CaseResult['leftOut'] = [];
  for (const participant of participants) {
    const { name, cannot } = participant.contender;
    const why = abilities.map((ability) => cannot[ability]).find((reason) => reason !== undefined);
    if (why === undefined) able.push(participant);
    else leftOut.push({ contender: name, why });
  }
  return { able, leftOut };
}

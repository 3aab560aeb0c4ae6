/**
 * Measures `maxSim` beside two implementations on arrays of arrays. `npm run bench:maxsim`.
 *
 * They take turns, and the best of many rounds counts, so that other work on the machine disturbs all of them alike.
 */
import { maxSim } from '../src/page/index.ts';

const dim = 128;
const [tokens, vectors, rounds] = [24, 1030, 40];

const randomVectors = (count: number) =>
  Array.from({ length: count }, () => Array.from({ length: dim }, () => Math.random() - 0.5));
const query = randomVectors(tokens);
const page = randomVectors(vectors);
const [flatQuery, flatPage] = [Float32Array.from(query.flat()), Float32Array.from(page.flat())];

function withLoops(): number {
  let score = 0;
  for (const token of query) {
    let best = Number.NEGATIVE_INFINITY;
    for (const vector of page) {
      let sum = 0;
      for (let at = 0; at < token.length; at += 1) {
        sum += (token[at] as number) * (vector[at] as number);
      }
      if (sum > best) best = sum;
    }
    score += best;
  }
  return score;
}

function withMap(): number {
  const dot = (a: number[], b: number[]) =>
    a.reduce((sum, value, at) => sum + value * (b[at] as number), 0);
  return query
    .map((token) => Math.max(...page.map((vector) => dot(token, vector))))
    .reduce((sum, best) => sum + best, 0);
}

const contenders = {
  'arrays of arrays, loops': withLoops,
  'arrays of arrays, map and reduce': withMap,
  maxSim: () => maxSim(flatQuery, flatPage, dim).score,
};
const best = new Map<string, number>();
for (let round = 0; round < rounds; round += 1) {
  for (const [name, run] of Object.entries(contenders)) {
    const start = performance.now();
    for (let repeat = 0; repeat < 4; repeat += 1) run();
    const took = (performance.now() - start) / 4;
    best.set(name, Math.min(best.get(name) ?? took, took));
  }
}
const ours = best.get('maxSim') as number;
console.log(`${tokens} query tokens, ${vectors} vectors of ${dim} values`);
for (const [name, took] of best) {
  console.log(`${took.toFixed(2).padStart(7)} ms  ${(ours / took).toFixed(2)}  ${name}`);
}

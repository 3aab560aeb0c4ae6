/** A process or thread that opens the PGlite directory in its argument, prints "open" and then waits for its end. */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { openDatabase } from '../../src/index.ts';

const say = (text: string) =>
  parentPort === null ? console.log(text) : parentPort.postMessage(text);
const directory = isMainThread ? process.argv[2] : workerData;
try {
  await openDatabase(directory);
  say('open');
  setInterval(() => {}, 1000);
} catch (error) {
  say(String(error));
}

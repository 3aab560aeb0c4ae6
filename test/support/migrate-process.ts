/** A process that migrates the database whose URL is its argument, and prints the result as JSON. */
import { migrate } from '../../src/index.ts';

console.log(JSON.stringify(await migrate({ url: process.argv[2] })));

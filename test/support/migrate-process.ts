/** A process that migrates the database named by its argument, and prints what it did. */
import { migrate } from '../../src/index.ts';

console.log(JSON.stringify(await migrate({ url: process.argv[2] })));

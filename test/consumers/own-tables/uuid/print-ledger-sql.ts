import { ledgerSql } from 'colpali-vectors';
import { colpali, colqwen } from './schema.js';

console.log([colpali, colqwen].flatMap(ledgerSql).join('\n--> statement-breakpoint\n'));

/** A notice as postgres.js and PGlite pass it on. */
interface Notice {
  severity?: string | undefined;
  message?: string | undefined;
}

/** Collects the warnings that SQL raises, and ignores PostgreSQL's other notices (`already exists, skipping`). */
export class WarningCollector {
  readonly warnings: string[] = [];

  readonly onNotice = ({ severity, message }: Notice): void => {
    if (severity === 'WARNING' && message !== undefined) this.warnings.push(message);
  };
}

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files in PEM format. */
export interface Certificates {
  /** A private authority. */
  ca: string;
  /** A certificate of that authority for the server "localhost", and its key. */
  serverCert: string;
  serverKey: string;
  /** A certificate of that authority for the client "app", and its key. */
  clientCert: string;
  clientKey: string;
}

/** Makes certificates with openssl. Returns the paths of the files. */
export function makeCertificates(folder: string): Certificates {
  const file = (name: string) => join(folder, name);
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const newKey = ['-newkey', 'rsa:2048', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '2',
    '-subj',
    '/CN=test authority',
  );
  writeFileSync(file('names.cnf'), 'subjectAltName=DNS:localhost\n');
  for (const [name, subject] of [
    ['server', '/CN=localhost'],
    ['client', '/CN=app'],
  ] as const) {
    openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject);
    openssl(
      ...[
        'x509',
        '-req',
        '-in',
        `${name}.csr`,
        '-CA',
        'ca.pem',
        '-CAkey',
        'ca.key',
        '-CAcreateserial',
      ],
      ...['-out', `${name}.pem`, '-days', '2'],
      ...(name === 'server' ? ['-extfile', 'names.cnf'] : []),
    );
  }
  return {
    ca: file('ca.pem'),
    serverCert: file('server.pem'),
    serverKey: file('server.key'),
    clientCert: file('client.pem'),
    clientKey: file('client.key'),
  };
}

/** The text of a file. */
export function textOf(file: string): string {
  return readFileSync(file, 'utf8');
}

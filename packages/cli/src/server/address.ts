import { usage } from '../command-line.ts';

/** Where `npm start` listens unless told otherwise. */
export const DEFAULT_SERVER = 'http://127.0.0.1:8080';

/** An address as typed to the form the rest uses: http or https, no path, no slash at the end. Throws USAGE. */
export function serverAddress(typed: string): string {
  const url = URL.parse(typed.includes('://') ? typed : `http://${typed}`);
  if (url === null || !/^https?:$/.test(url.protocol)) throw usage(`"${typed}" is no address of a server.`);
  return url.origin;
}

/** Whether a password on its way to this server can be read by others on the network. */
export function isExposed(server: string): boolean {
  const { protocol, hostname } = new URL(server);
  return protocol === 'http:' && hostname !== 'localhost' && hostname !== '[::1]' && !hostname.startsWith('127.');
}

/** The two parts of a set-up link, `http://HOST:PORT/setup?token=TOKEN`. Throws USAGE. */
export function readSetupLink(link: string): { readonly server: string; readonly token: string } {
  const url = URL.parse(link);
  const token = url?.searchParams.get('token');
  if (url === null || !token || token.length > 200) {
    throw usage('That is no set-up link; the server prints one that ends in /setup?token=….');
  }
  return { server: serverAddress(url.origin), token };
}

/**
 * Names that people give to master files: which zone a file is of. BIND and NSD are told so by their configuration; a
 * folder has only the names.
 */

/** What a file of a zone folder is, by its name. */
export type NamedFile =
  | { readonly kind: 'zone'; readonly origin: string }
  /** A zone of this name if the file has an SOA record, and no other master file includes it. */
  | { readonly kind: 'perhaps'; readonly origin: string }
  | { readonly kind: 'other' };

/** Ends of names of files beside master files: backups, journals, keys, notes, parts to be included. */
const OTHER =
  /(?:~|\.(?:bak|orig|rej|swp|tmp|old|new|save|rpm(?:new|save|orig)|dpkg-[a-z]+|jnl|jbk|signed|key|private|state|conf|cfg|inc|include|md|txt|ya?ml|json|csv|log|gz|sh|py))$/iu;

/** `example.org.zone`, `example.org.db`. */
const SUFFIX = /\.(?:zone|db)$/iu;

/** `db.example.org`; `db.192.0.2` is the zone 2.0.192.in-addr.arpa. */
const PREFIX = /^db\./iu;

/** Says which zone a file holds by its name. */
export function zoneFileName(name: string): NamedFile {
  const bare = name.replace(SUFFIX, '');
  if (bare !== name && bare !== '') return { kind: 'zone', origin: bare };
  if (OTHER.test(name)) return { kind: 'other' };
  const prefixed = name.replace(PREFIX, '');
  if (prefixed !== name && prefixed !== '') return { kind: 'zone', origin: reverseOf(prefixed) ?? prefixed };
  const isDomain = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)+\.?$/iu.test(name);
  return isDomain ? { kind: 'perhaps', origin: name } : { kind: 'other' };
}

/** The reverse zone of octets in the order of an address. */
function reverseOf(name: string): string | undefined {
  const octets = name.split('.');
  const isAddress = octets.length <= 4 && octets.every((octet) => /^[0-9]{1,3}$/u.test(octet) && Number(octet) < 256);
  return isAddress ? `${octets.reverse().join('.')}.in-addr.arpa` : undefined;
}

/** Whether the beginning of a file has an SOA record, as every master file has. */
export function hasSoa(beginning: string): boolean {
  return /^(?!\s*;)[^;\n]*\sSOA\s/imu.test(beginning);
}

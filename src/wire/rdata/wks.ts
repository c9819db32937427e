import { ipv4, type Field, type RdataType } from './fields.ts';

const PROTOCOLS: Readonly<Record<string, number>> = { ICMP: 1, TCP: 6, UDP: 17 };

/** Services that zones of this type's days name. */
const SERVICES: Readonly<Record<string, number>> = {
  ECHO: 7,
  DISCARD: 9,
  SYSTAT: 11,
  DAYTIME: 13,
  NETSTAT: 15,
  QOTD: 17,
  CHARGEN: 19,
  'FTP-DATA': 20,
  FTP: 21,
  SSH: 22,
  TELNET: 23,
  SMTP: 25,
  TIME: 37,
  NAMESERVER: 42,
  WHOIS: 43,
  NICNAME: 43,
  DOMAIN: 53,
  BOOTPS: 67,
  BOOTPC: 68,
  TFTP: 69,
  GOPHER: 70,
  FINGER: 79,
  HTTP: 80,
  WWW: 80,
  KERBEROS: 88,
  POP2: 109,
  POP3: 110,
  SUNRPC: 111,
  AUTH: 113,
  SFTP: 115,
  NNTP: 119,
  NTP: 123,
  IMAP: 143,
  IMAP2: 143,
  SNMP: 161,
  'SNMP-TRAP': 162,
  BGP: 179,
  IRC: 194,
  HTTPS: 443,
  EXEC: 512,
  LOGIN: 513,
  SHELL: 514,
  SYSLOG: 514,
  PRINTER: 515,
};

/** A number up to `max`, or a name in any case; -1 for anything else. */
function numberOf(text: string, names: Readonly<Record<string, number>>, max: number): number {
  const value = /^[0-9]{1,5}$/u.test(text) ? Number(text) : (names[text.toUpperCase()] ?? -1);
  return value <= max ? value : -1;
}

const protocol: Field = {
  label: 'protocol',
  parse(words, out) {
    const { text } = words.next();
    const value = numberOf(text, PROTOCOLS, 255);
    if (value < 0) return { message: `"${text}" is no protocol`, remedy: 'write TCP, UDP or a number from 0 to 255' };
    out.u8(value);
    return undefined;
  },
  measure: (_, at, end) => (at < end ? 1 : -1),
  print: (bytes, at) => String(bytes[at]),
};

/** One bit for each port, the highest of an octet first (RFC 1035 3.4.2). */
const services: Field = {
  label: 'list of services',
  optional: true,
  parse(words, out) {
    const bits = new Uint8Array(8192);
    while (!words.done) {
      const { text } = words.next();
      const port = numberOf(text, SERVICES, 65535);
      if (port < 0) return { message: `"${text}" is no service`, remedy: 'write its port, as in 25' };
      bits[port >>> 3]! |= 0x80 >>> (port & 7);
    }
    out.bytes(bits.subarray(0, bits.findLastIndex((octet) => octet !== 0) + 1));
    return undefined;
  },
  measure: (_, at, end) => (end - at <= 8192 ? end - at : -1),
  print(bytes, at, end) {
    // Text cannot say that there are zero octets at the end.
    if (end > at && bytes[end - 1] === 0) return undefined;
    const ports: number[] = [];
    for (let port = 0; port < (end - at) * 8; port++) {
      if ((bytes[at + (port >>> 3)]! & (0x80 >>> (port & 7))) !== 0) ports.push(port);
    }
    return ports.join(' ');
  },
};

/** RFC 1035 3.4.2, given up by RFC 1123 2.2. */
export const wks: RdataType = {
  code: 11,
  fields: [ipv4('IPv4 address'), protocol, services],
  example: '192.0.2.1 TCP 25 80',
};

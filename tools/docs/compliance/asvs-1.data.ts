import { type Claim, documentOf, met, notApplicable, partly, unmet } from './claims.ts';
import { T } from './test-files.ts';

const BAD_INPUT = '…: bad input is refused with a code of the table, counted and alerted on; nothing of it is stored';
const FUZZ = '…: …; no input breaks it';
const NO_OAUTH_SERVER = 'Muster gives no OAuth tokens to others.';
const NO_PAGES = 'There is no page with such things until there is a dashboard.';

/** OWASP ASVS 5.0.0, the 70 requirements of level 1. */
export const levelOne: readonly Claim[] = [
  met('1.2.1', 'Output is encoded for where it stands', [
    T.letters('a hostile name stays a name: no markup, no header, no turned text, no endless letter'),
    T.api('answers carry no script, no frame, and an error says what to do'),
    T.incidents('a record is exported as JSON and as Markdown in which text of people stays text'),
  ]),
  met('1.2.2', 'Addresses that are put together are encoded, and only safe schemes are allowed', [
    T.addressGuard('refuses names and numbers that lead home'),
    T.xiaozhiParts('a public url that devices cannot use is refused at start'),
  ]),
  met('1.2.3', 'No injection into JavaScript or JSON', [
    T.xiaozhiParts('__proto__ is dropped however it is written, and touches nothing'),
  ]),
  met('1.2.4', 'No injection into SQL', [T.groups('whatever stands in a query is a value and never SQL')]),
  met('1.2.5', 'No injection into commands of the system', [T.espeak('reads the text as text, never as an option')]),
  notApplicable('1.3.1', 'HTML of users is cleaned by a known library', 'No HTML is taken from anybody.'),
  met('1.3.2', 'No eval', [documentOf('CONTRIBUTING.md', 'Before you send')], 'The linter refuses it.'),
  notApplicable('1.5.1', 'XML parsers resolve no outer entities', 'There is no parser of XML.'),
  met('2.1.1', 'The rules of valid input are documented', [
    documentOf('docs/reference/http-api.md'),
    documentOf('docs/reference/device-api.md'),
  ]),
  met('2.2.1', 'Input is held against lists, patterns and ranges of what is allowed', [
    T.badInput(BAD_INPUT),
    T.validation('a body is not turned into what was asked for'),
    T.fuzz(FUZZ),
  ]),
  met('2.2.2', 'The server validates, whatever the client did', [T.badInput(BAD_INPUT)]),
  met('2.3.1', 'Steps cannot be left out', [
    T.devices('a device without a key: the code is stable, single-use, and makes it active'),
    T.devices('what proved a key once is not let back in without one'),
  ]),
  met('3.2.1', 'A browser does not take an answer for something else', [
    T.api('answers carry no script, no frame, and an error says what to do'),
  ]),
  met('3.2.2', 'Text is shown as text', [
    T.hostileText('markup that people store is JSON in every answer, and in no page'),
    T.letters('a hostile name stays a name: no markup, no header, no turned text, no endless letter'),
  ]),
  partly(
    '3.3.1',
    'Cookies are Secure and their name says so',
    'Over https the name begins with __Host-; no test shows it yet.',
    [],
  ),
  partly('3.4.1', 'Strict-Transport-Security on every answer', 'With TLS of our own only; no test yet.', [
    documentOf('docs/guides/run-in-production.md'),
  ]),
  met('3.4.2', 'Other origins are not let in, or only those of a list', [
    T.edge('every route and every refusal says the same of itself, and lets no other page in'),
    T.edge('a handshake that is refused says it too'),
  ]),
  met('3.5.1', 'A request that changes something comes from our own page', [
    T.edge('a change that is known by the cookie comes from a page of ours, as JSON'),
  ]),
  met('3.5.2', 'What CORS protects cannot be called without its preflight', [
    T.edge('a change that is known by the cookie comes from a page of ours, as JSON'),
    T.edge('every route and every refusal says the same of itself, and lets no other page in'),
  ]),
  partly('3.5.3', 'Nothing is changed by GET', 'No test shows it yet.', [documentOf('docs/reference/http-api.md')]),
  met('4.1.1', 'The type and the charset of an answer are said', [
    T.incidents('a record is exported as JSON and as Markdown in which text of people stays text'),
    T.securityTxt('security.txt has what RFC 9116 asks for, and expires within a year'),
  ]),
  partly(
    '4.4.1',
    'WebSockets go over TLS',
    'Where TLS is configured; plain ones are for one machine or a private network.',
    [T.address('TLS goes anywhere, plain only to this machine and private networks')],
  ),
  met('5.2.1', 'Files are taken up to a size that harms nobody', [
    T.transfer('a file larger than the limit is refused before it is read'),
  ]),
  met('5.2.2', 'A file is what its name and type say', [
    T.transfer('what is no file of measurements is refused with its line'),
  ]),
  notApplicable('5.3.1', 'Files that were uploaded are not run', 'No file of anybody is kept.'),
  notApplicable('5.3.2', 'Paths are not made of what users say', 'No path of a file comes from a request.'),
  partly('6.1.1', 'How guessing of passwords is held off is documented', 'For sign-in in short only.', [
    documentOf('SECURITY.md', 'What the server promises'),
  ]),
  met('6.2.1', 'Passwords have eight characters at least; here twelve', [
    T.passwordChoice('twelve characters as people count them'),
  ]),
  met('6.2.2', 'Users can change their password', [
    T.users('a change of the password ends all other sessions, and needs the one before'),
  ]),
  met('6.2.3', 'Changing it needs the old one', [
    T.users('a change of the password ends all other sessions, and needs the one before'),
  ]),
  met('6.2.4', 'The 3,000 commonest passwords are refused', [
    T.passwordChoice('every common password of twelve or more characters is refused'),
    T.passwordChoice('of the well-known default passwords none is accepted'),
  ]),
  met('6.2.5', 'Any characters may be in a password, and none must', [
    T.passwordChoice('twelve characters as people count them'),
  ]),
  unmet('6.2.6', 'Fields for passwords hide what is typed', 'The page of the set-up does; no test shows it.'),
  unmet('6.2.7', 'Passwords can be pasted', 'The page of the set-up lets them; no test shows it.'),
  met(
    '6.2.8',
    'Passwords are checked as they were typed',
    [T.passwords('the same password has another hash each time, and is the same in both forms of its letters')],
    'Normalised as NIST SP 800-63B recommends, never cut.',
  ),
  met('6.3.1', 'Guessing of passwords is held off', [
    T.api('a wrong password and an unknown user are told the same; too many tries wait'),
    T.passwords('a flood is refused instead of taking every core'),
  ]),
  met('6.3.2', 'There are no default accounts', [T.api('the set-up link works once')]),
  met('6.4.1', 'First secrets are random, short-lived and used once', [
    T.api('the set-up link works once'),
    T.devices('a code lives ten minutes, then the device gets another'),
  ]),
  notApplicable('6.4.2', 'No hints and no secret questions', 'There are none.'),
  met('7.2.1', 'The server checks sessions', [
    T.sessions('many requests at once are each answered for their own session'),
  ]),
  met('7.2.2', 'Sessions have tokens that are made for them', [
    T.sessions('who has signed out is refused at the next request, however many are being answered'),
  ]),
  partly('7.2.3', 'They are random and have 128 bits', '256 bits of the system; no test shows it.', [
    T.sessions('many requests at once are each answered for their own session'),
  ]),
  met('7.2.4', 'Signing in makes a new token and ends the old one', [
    T.tokens('a session begins with a token that nobody had before, and ends with all its copies'),
  ]),
  met('7.4.1', 'A session that ended is void on the server', [
    T.sessions('who has signed out is refused at the next request, however many are being answered'),
    T.sessions('a session ends with its time, and when it is left idle'),
    T.liveApi('signing out closes the connections of that session, and no other'),
  ]),
  met('7.4.2', 'The sessions of a user who is shut out end', [T.peopleTwoServers('… is closed and refused there')]),
  met('8.1.1', 'Who may do what is documented', [documentOf('docs/reference/permissions.md')]),
  met('8.2.1', 'Functions are for those who were given them', [
    T.api('without a session every route of the API but signing in says so'),
    T.permissions('a role may do at its site what the table says, and nothing else'),
  ]),
  met('8.2.2', 'Data are for those who were given them', [
    T.permissions("another site's things are hidden, not forbidden"),
    T.liveApi("a member of one site sees its things; another site's look as if they were not there"),
    T.deviceApi('…: a command of another device cannot be answered'),
  ]),
  met('8.3.1', 'The server judges', [T.api('without a session every route of the API but signing in says so')]),
  ...(
    [
      ['9.1.1', 'Self-contained tokens are verified before they are read'],
      ['9.1.2', 'Only algorithms of a list, and never "none"'],
      ['9.1.3', 'Keys come from where they were configured'],
      ['9.2.1', 'The time in a token holds'],
    ] as const
  ).map(([id, title]) => notApplicable(id, title, 'Tokens of Muster are references; it takes no others yet.')),
  ...(
    [
      ['10.4.1', 'Redirects are compared exactly'],
      ['10.4.2', 'A code of authorisation works once'],
      ['10.4.3', 'It is short-lived'],
      ['10.4.4', 'Only the grants that a client needs'],
      ['10.4.5', 'A refresh token that was used is void'],
    ] as const
  ).map(([id, title]) => notApplicable(id, title, NO_OAUTH_SERVER)),
  met(
    '11.3.1',
    'No ECB, no PKCS#1 v1.5',
    [T.xiaozhiMqtt('sound goes both ways, encrypted; what is said before the device sent any waits for it')],
    'AES-128-CTR as the protocol of Xiaozhi has it.',
  ),
  partly(
    '11.3.2',
    'Only approved ciphers and modes',
    'Sound over UDP has no MAC: the protocol of Xiaozhi knows none.',
    [T.xiaozhiMqtt('old, repeated, foreign and broken datagrams are dropped and counted')],
  ),
  met('11.4.1', 'Only approved hashes', [
    T.auditChain('an export is verified with a shell and openssl, and nothing of ours'),
  ]),
  met('12.1.1', 'TLS 1.2 and 1.3 only', [T.mqttListening('an old TLS, and no TLS at all, get nowhere on that port')]),
  partly(
    '12.2.1',
    'TLS for every client of an outer HTTP service',
    'The owner decides; SECURITY.md says what it costs.',
    [
      T.address('TLS goes anywhere, plain only to this machine and private networks'),
      documentOf('SECURITY.md', 'What it does not promise'),
    ],
  ),
  notApplicable('12.2.2', 'Certificates are publicly trusted', 'The owner brings the certificate.'),
  notApplicable('13.4.1', 'No metadata of source control can be reached', 'The server serves no folder of files.'),
  met(
    '14.2.1',
    'Secrets stand in headers and bodies, not in addresses',
    [T.live('the token comes in a header, a cookie of our own page, or the first frame; never in the address')],
    'Devices of Xiaozhi may put their token into the query, as its protocol has it.',
  ),
  unmet('14.3.1', 'The browser forgets data when the session ends', NO_PAGES),
  met('15.1.1', 'Times for updating components are documented', [documentOf('SECURITY.md', 'What happens then')]),
  partly('15.2.1', 'No component is older than those times allow', 'PostgreSQL comes along with old libraries.', [
    T.release('an audit that could not be asked is unknown, not clean, and a grave finding fails'),
    documentOf('SECURITY.md', 'What Muster is made of'),
  ]),
  met('15.3.1', 'Answers have the fields that are needed and no others', [
    T.apiKeys('over the API: the secret is shown once, and other sites have no keys here'),
    T.api('config show hides secrets'),
  ]),
];

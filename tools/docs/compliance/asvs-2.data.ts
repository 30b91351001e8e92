import { type Claim, documentOf, met, notApplicable, partly, unmet } from './claims.ts';
import { T } from './test-files.ts';

const BAD_INPUT = '…: bad input is refused with a code of the table, counted and alerted on; nothing of it is stored';
const NO_PAGES = 'There is no page with such things until there is a dashboard.';
const NO_TEST = 'No test shows it yet.';
const NOT_YET = 'Not there yet.';

/** Several numbers that do not apply for one reason. */
const none = (why: string, rows: Readonly<Record<string, string>>): Claim[] =>
  Object.entries(rows).map(([id, title]) => notApplicable(id, title, why));
const missing = (why: string, rows: Readonly<Record<string, string>>): Claim[] =>
  Object.entries(rows).map(([id, title]) => unmet(id, title, why));

/** OWASP ASVS 5.0.0, the 183 requirements that level 2 adds. */
export const levelTwo: readonly Claim[] = [
  met('1.1.1', 'Input is decoded once, before it is validated', [
    T.validation('text of an address becomes the number that it says'),
  ]),
  met('1.1.2', 'Output is encoded last, by whoever reads it', [
    T.transfer('any text survives a CSV file, wherever its bytes are cut'),
    T.incidents('a record is exported as JSON and as Markdown in which text of people stays text'),
  ]),
  ...none('There is no such thing in Muster.', {
    '1.2.6': 'No injection into LDAP',
    '1.2.7': 'No injection into XPath',
    '1.2.8': 'No injection into LaTeX',
    '1.3.4': 'SVG of users is cleaned',
    '1.3.5': 'Templates and Markdown of users are cleaned',
    '1.3.8': 'No injection into JNDI',
    '1.3.9': 'No injection into memcache',
    '1.3.10': 'Format strings are not made of input',
  }),
  partly('1.2.9', 'What goes into a regular expression is escaped', NO_TEST, []),
  met('1.3.3', 'What goes to a dangerous place has only safe characters, and not too many', [
    T.api('characters that a terminal obeys, or that cannot be stored, are refused, not a fault of ours'),
    T.transfer('no cell with text is a formula'),
    T.espeak('reads the text as text, never as an option'),
  ]),
  met('1.3.6', 'No requests to where users of the network may not go', [
    T.addressGuard('knows what is not the public internet, however it is written'),
    T.alerts('says the true outcome of a test, shows no secret, and does not reach into our network unless allowed'),
    T.notifiers('follow no redirect: it could lead home'),
  ]),
  met('1.3.7', 'Templates are not made of input', [
    T.letters('a hostile name stays a name: no markup, no header, no turned text, no endless letter'),
    T.lines('a value that looks like a placeholder is not filled again'),
  ]),
  met('1.3.11', 'What goes into a mail is cleaned', [
    T.letters('a hostile name stays a name: no markup, no header, no turned text, no endless letter'),
    T.letters('an address that is a list, a header or none is refused'),
  ]),
  ...none('JavaScript has memory of its own; native code is that of packages.', {
    '1.4.1': 'No overflow of memory',
    '1.4.3': 'Memory is given back once',
  }),
  met('1.4.2', 'No overflow of integers', [
    T.jsonBody(
      'a number past all numbers is refused: it would be stored as none, and the list could not be read again',
    ),
  ]),
  met('1.5.2', 'What is read from a wire has a schema', [
    T.fuzz('…: …; no input breaks it'),
    T.nats('takes what has the shape of an event and nothing else, and lives'),
  ]),
  met('2.1.2', 'Rules of fields that belong together are documented', [documentOf('docs/reference/http-api.md')]),
  met('2.1.3', 'Limits are documented', [
    documentOf('docs/reference/config.md'),
    documentOf('docs/reference/device-api.md'),
  ]),
  met('2.2.3', 'Fields that belong together fit', [
    T.groups('a query that says nothing, or two things at once, is refused'),
    T.incidents('instants that cannot be are refused, and nothing is stored of them'),
  ]),
  met('2.3.2', 'Limits hold', [
    T.commands('a device has a limited queue; what ends makes room'),
    T.ingest('a flood of series names stops at its limit, also when it comes side by side'),
    T.live('one user has so many connections and no more'),
  ]),
  met('2.3.3', 'A change is whole or is not', [
    T.unitOfWork('nobody else sees it before, and nothing is left when it fails'),
    T.auditRequests('a change that fails leaves no row and no trace'),
  ]),
  met('2.3.4', 'What there is once is given once', [
    T.commands('two servers that get one key at once make one command'),
    T.devices('many devices knock at once: every code is its own'),
  ]),
  met('2.4.1', 'Machines cannot call without end', [
    T.devices('a source that knocks too often waits; the others do not'),
    T.requestRate('a device past its rate is told a second later, a few requests at a time; others are not held'),
    T.badInput('one device opens so many sockets, and connects so often'),
  ]),
  partly('3.3.2', 'Cookies have the SameSite that fits', NO_TEST, []),
  partly('3.3.3', 'The name of a cookie begins with __Host-', 'Over https it does; no test shows it yet.', []),
  partly('3.3.4', 'The cookie of a session is HttpOnly', NO_TEST, []),
  met('3.4.3', 'A Content-Security-Policy', [T.api('answers carry no script, no frame, and an error says what to do')]),
  met('3.4.4', 'nosniff', [T.api('answers carry no script, no frame, and an error says what to do')]),
  met('3.4.5', 'A policy of referrers', [
    T.edge('every route and every refusal says the same of itself, and lets no other page in'),
  ]),
  met('3.4.6', 'No frames', [
    T.edge('every route and every refusal says the same of itself, and lets no other page in'),
  ]),
  ...none('There is one application, and no page that does that.', {
    '3.5.4': 'Applications have hosts of their own',
    '3.5.5': 'postMessage looks at the origin',
    '3.7.1': 'No technology of browsers that died',
    '3.7.2': 'Redirects to other hosts by a list',
  }),
  unmet('4.1.2', 'Only pages for people are sent from HTTP to HTTPS', "That is the proxy's."),
  partly('4.1.3', 'Headers of a proxy cannot be forged by users', 'Every private address is taken for the proxy.', [
    documentOf('SECURITY.md', 'What it does not promise'),
  ]),
  met('4.2.1', 'Requests end where they end: no smuggling', [
    T.edge('what is no request, or two in one, is refused in our words and the connection is closed'),
    T.edge('headers that are too long are refused, and so is a body'),
  ]),
  ...none('There is no GraphQL.', { '4.3.1': 'GraphQL has bounds', '4.3.2': 'GraphQL tells nothing of itself' }),
  met('4.4.2', 'The Origin of a WebSocket is looked at', [
    T.live('the token comes in a header, a cookie of our own page, or the first frame; never in the address'),
  ]),
  met('4.4.3', 'Tokens for WebSockets keep the rules of sessions', [
    T.liveApi('signing out closes the connections of that session, and no other'),
  ]),
  met('4.4.4', 'They come out of the session', [
    T.live('who signs out is shut out within 5 s; who loses a site loses its topics'),
  ]),
  met('5.1.1', 'Which files are taken, and how large, is documented', [documentOf('docs/reference/http-api.md')]),
  notApplicable('5.2.3', 'Archives are checked before they are unpacked', 'None are.'),
  met('5.4.1', 'Names of downloads are ours', [
    T.incidents('a record is exported as JSON and as Markdown in which text of people stays text'),
  ]),
  met('5.4.2', 'Names of files in headers are encoded', [
    T.incidents('a record is exported as JSON and as Markdown in which text of people stays text'),
  ]),
  notApplicable('5.4.3', 'Files from strangers are scanned', 'None are kept or served.'),
  met('6.5.1', 'Codes work once', [
    T.secondFactor('an app counts once a code of it was typed, and each code is taken once'),
    T.secondFactor('a recovery code works once, however it is typed, and only for its owner'),
  ]),
  partly(
    '6.5.2',
    'Short recovery codes are hashed as passwords',
    '77 bits under SHA-256; it asks for 112 bits, or for a slow hash.',
    [T.secondFactor('a recovery code works once, however it is typed, and only for its owner')],
  ),
  partly('6.5.3', 'Codes and seeds are random', 'By crypto of Node; no test shows it.', []),
  partly(
    '6.5.5',
    'Codes have a short life',
    'A code of an app holds for the step before and after its own, too: 90 s.',
    [T.secondFactor('a code of a clock that is 30 s off is right, of 60 s not; of another user never')],
  ),
  partly('6.4.3', 'A password is reset without going around the second factor', 'It is there; no test shows it yet.', [
    documentOf('docs/reference/http-api.md'),
  ]),
  partly('6.3.3', 'A second factor', 'Each role can be made to have one; none is at first.', [
    T.permissions('who must have a second factor and has none can only set one up'),
    T.secondFactor('a passkey says who it is, and proves it for its owner only'),
  ]),
  partly(
    '6.2.11',
    'Words of the place are refused in passwords',
    'What is known about the owner is; a list of words of the place cannot be given.',
    [T.passwordChoice('what is known about the owner does not make a password')],
  ),
  partly('6.2.12', 'Breached passwords are refused', 'Those that are common; no service of breaches is asked.', [
    T.passwordChoice('every common password of twelve or more characters is refused'),
  ]),
  ...missing(NOT_YET, {
    '6.1.2': 'Words that may not be in passwords are documented',
    '6.1.3': 'All ways to sign in are documented together',
    '6.4.4': 'Who lost a factor proves who they are as at enrolment',
  }),
  partly('6.2.9', 'Passwords of 64 characters and more', NO_TEST, [
    T.passwordChoice('twelve characters as people count them'),
  ]),
  partly('6.2.10', 'Passwords do not grow old', 'Nothing asks for another one; no test shows it.', []),
  met('6.3.4', 'No way in that is not documented', [
    T.api('without a session every route of the API but signing in says so'),
    T.httpApi('the page of the HTTP API has the routes of a running server'),
  ]),
  met('6.5.4', 'Codes have 20 bits: those of activation have six digits', [
    T.devices('many devices knock at once: every code is its own'),
  ]),
  notApplicable('6.6.1', 'Codes by telephone', 'There are none.'),
  met('6.6.2', 'A code is for the request that it was made for', [
    T.devices('who shows another key gets another code: the code of a device stands for its own key only'),
  ]),
  met('6.6.3', 'Guessing of codes is held off', [
    T.devices('five wrong codes a minute from one source, then 429; others are not held up'),
    T.devices('many wrong codes at once count each other'),
  ]),
  notApplicable('6.8.1', 'Users of two providers are not mixed up', 'There is one provider.'),
  notApplicable('10.2.2', 'Several providers are told apart', 'There is one provider.'),
  met('6.8.2', 'Signatures of assertions are verified', [T.oidc('an answer with … opens nothing')]),
  met('6.8.4', 'How strongly the provider proved it is looked at', [
    T.oidcClaims('a second factor is what the settings name, in amr or acr'),
    T.oidc('a second factor at the provider counts, and one of their own is asked for without it'),
  ]),
  met('10.1.2', 'An answer of the provider belongs to its request', [
    T.oidc('an answer counts once, for the browser that left, with the state that it left with'),
  ]),
  met('10.2.1', 'PKCE or state', [
    T.oidc('an answer counts once, for the browser that left, with the state that it left with'),
  ]),
  met('10.5.1', 'The nonce of an ID token is checked', [T.oidc('an answer with … opens nothing')]),
  met('10.5.2', 'A user is known by the subject', [
    T.oidc('somebody known by their address is the same user, and is known by the subject ever after'),
  ]),
  met('10.5.3', 'The issuer is the configured one', [T.oidc('an answer with … opens nothing')]),
  met('10.5.4', 'The audience is us', [T.oidc('an answer with … opens nothing')]),
  partly('10.1.1', 'Tokens of the provider stay on the server', 'None is kept or sent on; no test shows it.', [
    documentOf('docs/guides/sign-in-with-your-own-accounts.md'),
  ]),
  ...missing(NOT_YET, {
    '7.1.3': 'How sessions of a provider end is documented',
    '7.6.1': 'Sessions end as agreed with the provider',
  }),
  notApplicable('6.8.3', 'SAML assertions work once', 'There is no SAML.'),
  met('7.3.1', 'Sessions end when nothing is done', [
    T.sessions('a session ends with its time, and when it is left idle'),
  ]),
  met('7.5.2', 'Users see and end their sessions', [
    T.sessions('sessions are listed with where they are from, and ended one by one or all but one'),
  ]),
  met('7.1.1', 'Idle and absolute ends of sessions are documented', [
    documentOf('docs/reference/config.md', 'accounts'),
  ]),
  met(
    '7.4.3',
    'All sessions can be ended after a change of the password',
    [T.peopleTwoServers('… is closed and refused there')],
    'They end by themselves.',
  ),
  met('7.4.5', 'Administrators end sessions of users', [T.peopleTwoServers('… is closed and refused there')]),
  met('7.5.1', 'Changing what proves who one is needs a proof', [
    T.matrix('what asks for a fresh proof refuses an old one, and takes it again after a proof'),
  ]),
  ...missing(NOT_YET, {
    '7.1.2': 'How many sessions a user may have is documented',
  }),
  met('7.3.2', 'Sessions end at last', [T.sessions('a session ends with its time, and when it is left idle')]),
  unmet('7.4.4', 'Every page shows how to sign out', NO_PAGES),
  met('7.6.2', 'A session begins by what a person does', [
    T.cli('signs in, keeps the session private, sends it only where it came from, and signs out'),
  ]),
  partly('8.1.2', 'Which fields are for whom is documented', 'By route, not by field.', [
    documentOf('docs/reference/permissions.md'),
  ]),
  met('8.2.3', 'Fields are for those who were given them', [
    T.api('config show hides secrets'),
    T.apiKeys('over the API: the secret is shown once, and other sites have no keys here'),
  ]),
  met('8.4.1', 'Sites are kept apart', [
    T.permissions("another site's things are hidden, not forbidden"),
    T.liveApi("a member of one site sees its things; another site's look as if they were not there"),
    T.mqttSubscriptions('an operator sees its site, within the filters of its key'),
  ]),
  ...none('Tokens of Muster are references.', {
    '9.2.2': 'A token is of its kind',
    '9.2.3': 'A token is for us',
    '9.2.4': 'Tokens name their audience',
  }),
  ...none('Muster takes no access tokens of others.', {
    '10.3.1': 'Access tokens are for us',
    '10.3.2': 'Their claims decide',
    '10.3.3': 'The user is known by issuer and subject',
    '10.3.4': 'How strongly it was proved is looked at',
  }),
  ...none('Muster is no server of OAuth and no provider of OIDC.', {
    '10.4.6': 'PKCE is demanded',
    '10.4.7': 'Clients that register themselves are held in check',
    '10.4.8': 'Refresh tokens end',
    '10.4.9': 'Tokens can be revoked by their user',
    '10.4.10': 'Clients prove who they are',
    '10.4.11': 'Only the scopes that are needed',
    '10.5.5': 'Logout by the back channel is checked',
    '10.6.1': 'Only known kinds of answers',
    '10.6.2': 'Nobody is signed out by force',
    '10.7.1': 'Consent to each request',
    '10.7.2': 'It says what is consented to',
    '10.7.3': 'Consent can be taken back',
  }),
  met('11.3.3', 'Encrypted data cannot be changed unseen', [
    T.vault('what is sealed is opened by the same key, for the same row and column, unchanged'),
  ]),
  met('13.3.1', 'Secrets are kept in a vault', [
    T.vault('secrets from before there was a vault are sealed at the start, and emptied'),
    T.vault('the key is made once, for its owner only'),
  ]),
  met('13.3.2', 'Secrets are for those who need them', [
    T.vault('a server does not start without the key, with another one, or with one that others can read'),
  ]),
  ...missing(NOT_YET, {
    '11.1.1': 'A policy of keys and their lives',
    '11.1.2': 'A list of all cryptography in use',
  }),
  met('11.2.1', 'Cryptography of others who know it: OpenSSL in Node', [
    T.auditChain('an export is verified with a shell and openssl, and nothing of ours'),
  ]),
  met(
    '11.2.2',
    'Algorithms and keys can be replaced',
    [
      T.vault('a new key seals everything anew while others write, and the old one is forgotten'),
      T.passwords('a password is verified against its own hash only'),
    ],
    'Passwords carry their parameters.',
  ),
  met('11.2.3', '128 bits of security at least', [
    T.auditChain('an export is verified with a shell and openssl, and nothing of ours'),
    T.chosenToken('tokens that can be guessed are refused'),
  ]),
  met('11.4.2', 'Passwords are hashed to be slow: Argon2id', [
    T.passwords('a password is verified against its own hash only'),
  ]),
  met('11.4.3', 'Hashes of signatures have 256 bits', [
    T.auditChain('an export is verified with a shell and openssl, and nothing of ours'),
  ]),
  notApplicable('11.4.4', 'Keys out of passwords are stretched', 'No key comes from a password.'),
  met('11.5.1', 'What may not be guessed has 128 random bits', [
    T.chosenToken('tokens that can be guessed are refused'),
    T.batch('a thousand devices are made at once, each with a token of its own, in the order asked for'),
  ]),
  met('11.6.1', 'Approved algorithms for keys and signatures: Ed25519', [
    T.auditChain('an export is verified with a shell and openssl, and nothing of ours'),
  ]),
  met(
    '12.1.2',
    'Recommended cipher suites',
    [T.mqttListening('an old TLS, and no TLS at all, get nowhere on that port')],
    'Those of Node.',
  ),
  met('12.1.3', 'Certificates of clients are verified before they count', [
    T.certificateAttacks('who signed himself, or was signed by another authority of the same name, is a stranger'),
    T.certificateAttacks('a certificate holds within its times only, and so does its authority'),
    T.certificates('behind a proxy: what it says of the client counts from its own socket and from no other'),
  ]),
  partly('12.3.1', 'TLS inside and outside', 'The database and the bus where the URL says so.', [
    T.nats('demands TLS where the URL says so'),
    T.mqttListening('with a certificate there is a port with TLS, and clients that trust it publish'),
  ]),
  met('12.3.2', 'Certificates of servers are verified', [
    T.device('a certificate that nobody vouches for is refused; one more authority can be named'),
    T.mailer('nothing is said in the clear to a server elsewhere, nor to one whose certificate nobody vouches for'),
    T.mailer('the check of certificates cannot be switched off in the address'),
    T.deviceConfig('the help names every setting, and none that turns a check off'),
  ]),
  partly('12.3.3', 'TLS between inner services of HTTP', 'Providers of speech: where the URL says so.', []),
  partly('12.3.4', 'Inner certificates are trusted by name', 'NODE_EXTRA_CA_CERTS; no test on the server.', [
    T.device('a certificate that nobody vouches for is refused; one more authority can be named'),
  ]),
  partly('13.1.1', 'What talks to whom is documented', 'In pieces.', [
    documentOf('docs/design/architecture.md'),
    documentOf('docs/guides/run-in-production.md'),
  ]),
  partly(
    '13.2.1',
    'Inner services prove who they are',
    'By password in the URL, by socket of the file system, or by a file.',
    [T.nats('signs in with the user of the URL; a wrong password is tried again and told without it')],
  ),
  partly(
    '13.2.2',
    'They have the least rights',
    'One role of the database, without rights of an administrator of the machine.',
    [T.auditRequests('nobody changes or deletes a row, not even the server')],
  ),
  met('13.2.3', 'No default credentials between services', [
    T.settings('a missing secret is named with its variable, and has no default'),
  ]),
  met(
    '13.2.4',
    'Outer services by a list',
    [T.addressGuard('knows what is not the public internet, however it is written')],
    'What administrators configure, and the public internet for notifiers.',
  ),
  met('13.2.5', 'The server asks and loads by a list', [T.addressGuard('refuses names and numbers that lead home')]),
  met('13.4.2', 'No debug modes', [
    T.noBypass('no source of the product has a switch, a token or a header that lets anybody in'),
    T.noBypass('whoever is nobody stays nobody, at every route, whatever they say'),
  ]),
  notApplicable('13.4.3', 'No listings of folders', 'No folder is served.'),
  met('13.4.4', 'No TRACE', [T.edge('methods that nobody needs do nothing, and tell nothing back')]),
  partly(
    '13.4.5',
    'Documents and monitoring are for those who are meant to see them',
    'The shape of the API and the metrics are for anybody.',
    [documentOf('SECURITY.md', 'What it does not promise')],
  ),
  partly('14.1.1', 'Sensitive data are known and sorted', 'In the documents of each feature, not in one place.', [
    documentOf('docs/design/how-a-turn-flows.md'),
  ]),
  partly('14.1.2', 'What each sort needs is documented', 'In the documents of each feature, not in one place.', [
    documentOf('docs/design/how-a-turn-flows.md'),
  ]),
  met('14.2.2', 'Sensitive data stay in no cache', [
    T.edge('every route and every refusal says the same of itself, and lets no other page in'),
  ]),
  met('14.2.3', 'Sensitive data go to nobody who is not meant', [
    T.cli('signs in, keeps the session private, sends it only where it came from, and signs out'),
    T.openAiHttp('does not follow a redirect'),
  ]),
  met('14.2.4', 'What is promised of sensitive data is done', [
    T.recorder('a turn is kept whole, its words only where the site says so'),
    T.xiaozhiSession('no word of a person and no token stands in the log'),
    T.auditRequests('words of people that were read have a row before they leave'),
  ]),
  met('14.3.2', 'Browsers keep nothing: no-store', [
    T.edge('every route and every refusal says the same of itself, and lets no other page in'),
  ]),
  notApplicable('14.3.3', 'Nothing sensitive in the storage of a browser', NO_PAGES),
  met('15.1.2', 'A list of all components', [
    T.release('the bill of materials holds every package that runs, once, and none that only helps to develop'),
    documentOf('docs/reference/licences.md'),
  ]),
  met('15.1.3', 'What is costly is documented, and how it is bounded', [documentOf('docs/design/faults.md')]),
  met('15.2.2', 'What is costly harms nobody', [
    T.hostileDevice('beside a hostile device nothing of others is lost, and somebody is told'),
    T.places('one site leaves places to the others'),
  ]),
  partly('15.2.3', 'Only what is needed is in production', 'A clone holds its tests; nothing serves them.', [
    T.boundaries('finds …'),
  ]),
  met('15.3.2', 'Redirects are not followed', [
    T.openAiHttp('does not follow a redirect'),
    T.notifiers('follow no redirect: it could lead home'),
  ]),
  met('15.3.3', 'Fields that are not meant cannot be set', [
    T.badInput(BAD_INPUT),
    T.jsonBody('an answer names the first faults of a request, however many it has'),
  ]),
  partly('15.3.4', 'The address of a user is the true one', 'With http.behindProxy every private address may say it.', [
    documentOf('SECURITY.md', 'What it does not promise'),
  ]),
  met('15.3.5', 'Types are checked strictly', [
    T.validation('null in a body stays null'),
    T.validation('a body is not turned into what was asked for'),
  ]),
  met('15.3.6', 'No pollution of prototypes', [
    T.xiaozhiParts('__proto__ is dropped however it is written, and touches nothing'),
    T.twins('names that mean something to JavaScript are names'),
  ]),
  met(
    '15.3.7',
    'No pollution of parameters',
    [T.validation('text of an address becomes the number that it says')],
    'Each source has its own schema.',
  ),
  partly('16.1.1', 'What is logged where is documented', 'Log, audit and flight recorder; not in one place.', [
    documentOf('docs/guides/run-in-production.md'),
  ]),
  met('16.2.1', 'When, where, who, what', [T.auditRequests('a change has one row: who, what, and only what differs')]),
  met(
    '16.2.2',
    'Times are of one clock, in UTC',
    [T.auditChain('an export is verified with a shell and openssl, and nothing of ours')],
    'Epoch milliseconds.',
  ),
  partly('16.2.3', 'Logs go only where the list says', NO_TEST, []),
  partly(
    '16.2.4',
    'Logs can be joined',
    'JSON lines with the id of the request, which an error has too; no test shows it yet.',
    [],
  ),
  met('16.2.5', 'Secrets and words are not logged', [
    T.xiaozhiSession('no word of a person and no token stands in the log'),
  ]),
  partly('16.3.1', 'Every signing-in is logged, also those that fail', NO_TEST, []),
  met('16.3.2', 'Refusals are logged', [
    T.auditRequests('a stranger who is refused is written down once a minute, not once a request'),
  ]),
  met('16.3.3', 'Attempts to get around are logged', [T.badInput(BAD_INPUT)]),
  met('16.3.4', 'Faults and failures of protection are logged', [
    T.auditChain('the running server notices by itself that its end was cut off'),
    T.xiaozhiSession('an audio frame over the limit closes with FRAME_TOO_LARGE, told, counted and logged'),
  ]),
  partly('16.4.1', 'Nobody injects lines into the log', 'JSON lines; no test shows it.', []),
  met('16.4.2', 'The audit cannot be changed', [
    T.auditRequests('nobody changes or deletes a row, not even the server'),
    T.auditChain('an audit that was … is found out'),
  ]),
  partly('16.4.3', 'Logs are sent to another system', 'By export; not as they come.', [
    T.auditChain('an export is verified with a shell and openssl, and nothing of ours'),
  ]),
  met('16.5.1', 'Errors tell nothing of the inside', [
    T.api('answers carry no script, no frame, and an error says what to do'),
    T.xiaozhiUpgrade('too many guesses are 429 with Retry-After; an unknown failure is 500 without its words'),
  ]),
  met('16.5.2', 'It works on when others fail', [
    T.databaseKill('kill -9 of PostgreSQL: refused meanwhile, stored again by itself, nothing acknowledged is lost'),
    T.nats('begins and works without NATS, says so, drops what it cannot tell, and connects when NATS is there'),
  ]),
  met('16.5.3', 'It fails closed', [
    T.xiaozhiUpgrade('a handshake that the server cannot judge is 503 after 4 s, and its socket ends'),
    T.unitOfWork('a commit that PostgreSQL made a roll-back of is an error'),
    T.fullDisk('a full disk: what cannot be stored is refused by name, talking goes on, and space given back heals it'),
  ]),
  ...none('There is no WebRTC.', {
    '17.1.1': 'TURN reaches no reserved addresses',
    '17.2.1': 'Keys of DTLS are managed',
    '17.2.2': 'Good cipher suites for DTLS',
    '17.2.3': 'SRTP is checked',
    '17.2.4': 'Broken SRTP harms nobody',
    '17.3.1': 'Signalling survives a flood',
    '17.3.2': 'Signalling survives nonsense',
  }),
];

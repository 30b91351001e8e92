import { documentOf, met, partly, type Standard, unmet } from './claims.ts';
import { T } from './test-files.ts';

const BAD_INPUT = '…: bad input is refused with a code of the table, counted and alerted on; nothing of it is stored';

/** Annex I of Regulation (EU) 2024/2847. */
export const cyberResilience: Standard = {
  name: 'Cyber Resilience Act, Annex I',
  about:
    'Essential requirements of Regulation (EU) 2024/2847, which bind makers from 2027-12-11; the duty to report ' +
    '(article 14) has bound them since 2026-09-11.',
  parts: [
    {
      name: 'Part I: properties of the product',
      claims: [
        partly('I (1)', 'Security that fits the risks', 'There is no written assessment of the risks yet.', [
          documentOf('docs/design/faults.md'),
          documentOf('SECURITY.md', 'What it does not promise'),
        ]),
        partly(
          'I (2)(a)',
          'No known vulnerability that can be exploited',
          'The PostgreSQL that comes along for Linux x64 holds old libraries (OpenSSL 1.1.1, libxml2 2.9.4, zlib 1.2.11); ' +
            'no way to reach them is known, nobody has proved that there is none. The audit needs a registry that answers.',
          [
            T.release('an audit that could not be asked is unknown, not clean, and a grave finding fails'),
            T.release('programs inside of packages are named so that a scanner knows them'),
          ],
        ),
        partly('I (2)(b)', 'Secure as it comes, and a way back to that state', 'A device is not reset from here yet.', [
          T.api('the set-up link works once'),
          T.mqttListening('without TLS it listens on loopback only, unless somebody asks for more'),
          T.settings('a missing secret is named with its variable, and has no default'),
        ]),
        unmet(
          'I (2)(c)',
          'Security updates, automatic unless switched off',
          'There are no updates through Muster yet.',
        ),
        met('I (2)(d)', 'Protection against access without right, and reports of it', [
          T.api('without a session every route of the API but signing in says so'),
          T.permissions("another site's things are hidden, not forbidden"),
          T.auditRequests('a stranger who is refused is written down once a minute, not once a request'),
          T.deviceApi('a wrong token, and one of a revoked device, open no wire'),
          T.certificates('MQTT: strangers, the revoked, and whoever shows a token of another device are refused'),
        ]),
        partly(
          'I (2)(e)',
          'Confidential data',
          'Secrets are sealed; measurements and words are not: that is left to the disk.',
          [
            T.vault('what is sealed is opened by the same key, for the same row and column, unchanged'),
            T.apiKeys('the secret itself is not in the database'),
            T.mqttListening('an old TLS, and no TLS at all, get nowhere on that port'),
            T.device('a certificate that nobody vouches for is refused; one more authority can be named'),
            T.xiaozhiSession('no word of a person and no token stands in the log'),
          ],
        ),
        met('I (2)(f)', 'Integrity of data, commands and settings, and reports of damage', [
          T.auditChain('an audit that was … is found out'),
          T.unitOfWork('nobody else sees it before, and nothing is left when it fails'),
          T.identityFile('a damaged file is said so with what to do, and is never replaced'),
          T.deviceApi('…: a command of another device cannot be answered'),
        ]),
        met('I (2)(g)', 'No more data than needed', [
          T.recorder('a turn is kept whole, its words only where the site says so'),
          T.retention('what is out of date goes with its day; newer days and long roll-ups stay'),
        ]),
        met('I (2)(h)', 'What matters works on after an incident and under attack', [
          T.hostileDevice('beside a hostile device nothing of others is lost, and somebody is told'),
          T.databaseKill(
            'kill -9 of PostgreSQL: refused meanwhile, stored again by itself, nothing acknowledged is lost',
          ),
          T.fullDisk(
            'a full disk: what cannot be stored is refused by name, talking goes on, and space given back heals it',
          ),
          T.requestRate('a device past its rate is told a second later, a few requests at a time; others are not held'),
        ]),
        met('I (2)(i)', 'No harm to the services of others', [
          T.backoff('the ceiling doubles from 1 s to 60 s and stays there'),
          T.notifiers('follow no redirect: it could lead home'),
          T.alerts('that never works is given up, and the alert says so'),
        ]),
        met('I (2)(j)', 'A small attack surface, outer interfaces included', [
          T.mqttListening('without TLS it listens on loopback only, unless somebody asks for more'),
          T.live('unknown, foreign and forbidden topics are refused with a code, and the connection goes on'),
          T.addressGuard('knows what is not the public internet, however it is written'),
        ]),
        met('I (2)(k)', 'Means that keep the harm of an incident small', [
          T.keyless(
            'both hearing processes killed in mid-turn: the person hears something, and the next turn is heard',
          ),
          T.keyless('revoking a device closes its live socket, and its token opens nothing'),
          T.twoServers('a device that is revoked at one is closed at the other within 5 s, and does not come back'),
        ]),
        met('I (2)(l)', 'What matters to security is recorded and watched', [
          T.auditRequests('a change has one row: who, what, and only what differs'),
          T.auditChain('an export is verified with a shell and openssl, and nothing of ours'),
          T.badInput(BAD_INPUT),
        ]),
        partly(
          'I (2)(m)',
          'Users remove all data and settings for good, and take them along',
          'Only measurements yet.',
          [T.transfer('what is exported comes back as it was, from either form, and once however often')],
        ),
      ],
    },
    {
      name: 'Part II: handling of vulnerabilities',
      claims: [
        met('II (1)', 'Components and vulnerabilities are known: a bill of materials', [
          T.release('the bill of materials is valid CycloneDX 1.6, and a broken one is seen'),
          T.release('the bill of materials holds every package that runs, once, and none that only helps to develop'),
          T.release('programs inside of packages are named so that a scanner knows them'),
        ]),
        partly(
          'II (2)',
          'Vulnerabilities are fixed without delay, apart from features',
          'A promise with times; no fix was due yet.',
          [documentOf('SECURITY.md', 'What happens then')],
        ),
        met('II (3)', 'Security is tested regularly', [
          T.fuzz('…: …; no input breaks it'),
          T.hostileDevice('beside a hostile device nothing of others is lost, and somebody is told'),
          T.permissions('a role may do at its site what the table says, and nothing else'),
        ]),
        partly('II (4)', 'What was fixed is made public', 'The place and the form are fixed; no fix was due yet.', [
          documentOf('SECURITY.md', 'What happens then'),
          documentOf('CHANGELOG.md'),
        ]),
        met('II (5)', 'A policy for coordinated disclosure', [documentOf('SECURITY.md', 'Safe harbour')]),
        met('II (6)', 'An address for reports, also of vulnerabilities in components', [
          documentOf('SECURITY.md', 'Report a fault'),
          T.securityTxt('security.txt has what RFC 9116 asks for, and expires within a year'),
          T.securityTxt('without a contact there is no security.txt, rather than one that nobody reads'),
        ]),
        unmet('II (7)', 'Updates are distributed in a secure way', 'There are no updates through Muster yet.'),
        partly('II (8)', 'Security updates come at once, free of charge, with advice', 'A promise; none was due yet.', [
          documentOf('SECURITY.md', 'What happens then'),
        ]),
      ],
    },
    {
      name: 'Article 14: duty to report',
      claims: [
        met('14 (2)(a), (4)(a)', 'Early warning within 24 hours', [
          T.duties('24 and 72 hours are hours, also over the night in which the clocks are put forward'),
          T.incidents('a report that is due raises an alert of the server, and submitting it ends the alert'),
        ]),
        met('14 (2)(b), (4)(b)', 'Notification within 72 hours', [
          T.duties('24 and 72 hours are hours, also over the night in which the clocks are put forward'),
          T.duties('what is due at a minute is in time at that minute, and overdue after it'),
        ]),
        met('14 (2)(c)', 'Final report on a vulnerability 14 days after a fix', [
          T.duties('the final report on a vulnerability waits for a fix and is due 14 days after it'),
        ]),
        met('14 (4)(c)', 'Final report on an incident a month after the notification', [
          T.duties(
            'the final report on an incident is due a month after the notification, whatever the length of the month',
          ),
          T.incidents('the timeline cannot be changed or deleted, not even in the database'),
        ]),
        unmet('14 (8)', 'Users are told of it', 'Muster sends no advisories to users; the maker does.'),
      ],
    },
  ],
};

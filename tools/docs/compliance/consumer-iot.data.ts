import { documentOf, met, notApplicable, partly, type Standard, unmet } from './claims.ts';
import { T } from './test-files.ts';

const NO_UPDATES =
  'There are no software updates through Muster yet; the owner updates the server and the Linux device with npm.';
const HARDWARE = "A property of the hardware, which is its maker's.";

/** ETSI EN 303 645. */
export const consumerIot: Standard = {
  name: 'ETSI EN 303 645',
  about:
    'Cyber security for consumer IoT, by the numbers of V3.1.3 (2024-09). The device is the Linux device of this ' +
    'repository, the associated service the server.',
  parts: [
    {
      name: '5.0 Reporting',
      claims: [
        met('5.0-1', 'What is not fulfilled is recorded with its reason', [
          T.evidence('what is not met and what does not apply says why; what is partly met says what is missing'),
        ]),
      ],
    },
    {
      name: '5.1 No universal default passwords',
      claims: [
        met('5.1-1', 'Passwords are chosen by the user or are unique to the device', [
          T.api('the set-up link works once'),
          T.device('from the code to the spoken answer, then exit 0'),
          T.batch('a thousand devices are made at once, each with a token of its own, in the order asked for'),
        ]),
        met('5.1-2', 'Unique passwords made beforehand cannot be guessed by a machine', [
          T.chosenToken('tokens that can be guessed are refused'),
        ]),
        met('5.1-2A', 'Machines prove themselves to machines without passwords', [
          T.deviceApi('a wrong token, and one of a revoked device, open no wire'),
          T.apiKeys('a key is known by its secret until it is too old or deleted'),
        ]),
        met('5.1-3', 'Who signs in is checked with good cryptography', [
          T.passwords('a password is verified against its own hash only'),
          T.devices('firmware with a serial number: the key is registered beforehand, and proven again at every boot'),
          T.certificateAttacks('weak keys and signatures are refused, strong ones of each kind taken'),
        ]),
        partly('5.1-4', 'A user changes a password or token in a simple way', 'Passwords too; no test shows it yet.', [
          T.devices('at most three tokens of a device work: the newest'),
        ]),
        met('5.1-5', 'Guessing over the network is impractical', [
          T.devices('five wrong codes a minute from one source, then 429; others are not held up'),
          T.devices('a person who guesses from many addresses is one guesser'),
          T.api('a wrong password and an unknown user are told the same; too many tries wait'),
        ]),
      ],
    },
    {
      name: '5.2 Reports of vulnerabilities',
      claims: [
        met('5.2-1', 'A public policy: whom to tell, and when there is an answer', [
          documentOf('SECURITY.md', 'Report a fault'),
          T.securityTxt('security.txt has what RFC 9116 asks for, and expires within a year'),
        ]),
        partly('5.2-2', 'Reported faults are handled in good time', 'A promise with times; nobody has measured them.', [
          documentOf('SECURITY.md', 'What happens then'),
          T.incidents('a record goes from its opening to the final report, with every step in its timeline'),
        ]),
        partly(
          '5.2-3',
          'The maker looks for vulnerabilities while the product is supported',
          'The registry is asked at each run of the checks, where it answers; nobody is told of a new one in between.',
          [
            T.release('an audit that could not be asked is unknown, not clean, and a grave finding fails'),
            T.release('programs inside of packages are named so that a scanner knows them'),
          ],
        ),
      ],
    },
    {
      name: '5.3 Software is kept up to date',
      claims: [
        unmet('5.3-1', 'Every part of the software can be updated in a secure way', NO_UPDATES),
        unmet('5.3-2', 'There is a mechanism for secure updates', NO_UPDATES),
        unmet('5.3-3', 'An update is simple for the user', NO_UPDATES),
        unmet('5.3-4A', 'Updates are automatic', NO_UPDATES),
        unmet('5.3-4B', 'Automatic updates are offered when the device is set up', NO_UPDATES),
        unmet('5.3-5', 'The device looks for updates after its start, and then regularly', NO_UPDATES),
        unmet('5.3-6A', 'Automatic updates can be switched on, off, and put off', NO_UPDATES),
        unmet('5.3-6B', 'So can being told of updates', NO_UPDATES),
        unmet('5.3-7', 'Updates are protected by good cryptography', NO_UPDATES),
        partly('5.3-8', 'Security updates come in good time', 'A promise with times; nobody has measured them.', [
          documentOf('SECURITY.md', 'What happens then'),
        ]),
        unmet('5.3-9', 'The device checks that an update is genuine and whole', NO_UPDATES),
        unmet('5.3-10', 'It does so over a relation of trust when updates come by network', NO_UPDATES),
        unmet('5.3-11', 'Users are told that an update is needed, and of which risk it rids them', NO_UPDATES),
        unmet('5.3-12', 'Users are told when an update disturbs what the device does', NO_UPDATES),
        partly('5.3-13', 'It is published until when there will be updates', 'Until 1.0 only for the newest version.', [
          documentOf('SECURITY.md', 'Supported versions'),
        ]),
        notApplicable('5.3-14', 'For devices that cannot be updated: why, and what replaces them', 'They can be.'),
        notApplicable('5.3-15A', 'Such devices can be isolated', 'They can be updated.'),
        notApplicable('5.3-15B', 'Their hardware can be replaced', 'They can be updated.'),
        partly('5.3-16', 'The model can be read from the device', "The server shows it; the label is the maker's.", [
          T.xiaozhiParts('a boot request of firmware is read whole'),
        ]),
      ],
    },
    {
      name: '5.4 Secrets are stored in a secure way',
      claims: [
        partly(
          '5.4-1',
          'Secrets in lasting storage are protected',
          'A file of its owner only; no hardware protects it.',
          [T.identityFile('makes an identity once, for the owner of the process only')],
        ),
        notApplicable('5.4-2', 'An identity that is fixed in the device resists tampering', HARDWARE),
        met('5.4-3', 'No secret stands in the source', [
          T.settings('a missing secret is named with its variable, and has no default'),
          T.identityFile('makes an identity once, for the owner of the process only'),
        ]),
        met('5.4-4', 'Keys of a device are its own, and made so that no machine guesses them', [
          T.devices('many devices knock at once: every code is its own'),
          T.devices('a token of another device, a wrong one and a revoked one open nothing'),
          T.certificateAttacks('whoever has an authority but not its key cannot prove it'),
        ]),
      ],
    },
    {
      name: '5.5 Secure communication',
      claims: [
        partly(
          '5.5-1',
          'Good cryptography on the wire',
          'Without TLS where the owner configures none: on one machine, or inside of a private network.',
          [
            T.device('a certificate that nobody vouches for is refused; one more authority can be named'),
            T.mqttListening('an old TLS, and no TLS at all, get nowhere on that port'),
          ],
        ),
        met('5.5-2', 'Implementations that were reviewed: OpenSSL inside of Node', [
          T.release('the bill of materials holds every package that runs, once, and none that only helps to develop'),
        ]),
        met(
          '5.5-3',
          'Algorithms can be replaced by an update of the software',
          [T.passwords('a password is verified against its own hash only')],
          'Parameters stand in the hash.',
        ),
        met('5.5-4', 'Nothing is reached over the network without proof of who asks', [
          T.api('without a session every route of the API but signing in says so'),
          T.mqttSessions('who is refused: wrong token, no token, a version that is none'),
          T.deviceApi('a wrong token, and one of a revoked device, open no wire'),
        ]),
        met('5.5-5', 'Settings that matter to security are changed only by who proved who they are', [
          T.permissions('without a session only what anyone may do is allowed'),
          T.permissions('a role may do at its site what the table says, and nothing else'),
        ]),
        partly('5.5-6', 'Secrets are encrypted on their way', 'Not inside of a private network without TLS.', [
          T.address('TLS goes anywhere, plain only to this machine and private networks'),
        ]),
        partly(
          '5.5-7',
          'Secrets stay confidential over interfaces that are reached from afar',
          'The protocol of Xiaozhi sends a token over plain WebSocket where the owner configures no TLS.',
          [T.xiaozhiMqtt('sound goes both ways, encrypted; what is said before the device sent any waits for it')],
        ),
        partly('5.5-8', 'The maker handles keys by a process', 'Documented for the server; a maker adds its own.', [
          documentOf('docs/guides/run-in-production.md'),
        ]),
      ],
    },
    {
      name: '5.6 Small attack surface',
      claims: [
        met(
          '5.6-1',
          'Interfaces that are not used are off',
          [T.mqttListening('without TLS it listens on loopback only, unless somebody asks for more')],
          'The Linux device opens no port.',
        ),
        met('5.6-2', 'Who is not signed in learns little', [
          T.api('without a session every route of the API but signing in says so'),
          T.permissions("another site's things are hidden, not forbidden"),
        ]),
        notApplicable('5.6-3', 'No needless physical interfaces', HARDWARE),
        notApplicable('5.6-4A', 'Debug interfaces are off in software', HARDWARE),
        notApplicable('5.6-4B', 'Physical debug interfaces are protected', HARDWARE),
        met('5.6-5', 'Only services that are needed run', [
          T.deviceTools('restarts the machine only where that is allowed, and lists it for users only'),
        ]),
        met('5.6-6', 'Only code that is needed is there', [
          T.release('the bill of materials holds every package that runs, once, and none that only helps to develop'),
        ]),
        partly(
          '5.6-7',
          'Software runs with the least rights',
          'PostgreSQL does; units for systemd are not there yet.',
          [T.embedded('an ordinary user without a home runs it, also from a long path')],
        ),
        notApplicable('5.6-8', 'Hardware separates memory', HARDWARE),
        met('5.6-9', 'Software is developed by a secure process', [
          documentOf('CONTRIBUTING.md', 'Before you send'),
          T.fuzz('…: …; no input breaks it'),
          T.boundaries('finds …'),
        ]),
      ],
    },
    {
      name: '5.7 Integrity of software',
      claims: [
        unmet('5.7-1', 'The device verifies its software at boot', 'The Linux device relies on its system for that.'),
        unmet(
          '5.7-2',
          'A change that nobody allowed is told, and the device keeps to itself',
          'Nothing looks for it yet.',
        ),
      ],
    },
    {
      name: '5.8 Personal data',
      claims: [
        partly('5.8-1', 'Personal data are confidential on their way', 'Not inside of a private network without TLS.', [
          T.address('TLS goes anywhere, plain only to this machine and private networks'),
          T.xiaozhiMqtt('sound goes both ways, encrypted; what is said before the device sent any waits for it'),
        ]),
        partly(
          '5.8-2',
          'Sensitive personal data are encrypted between device and service',
          'Not inside of a private network without TLS.',
          [T.device('a certificate that nobody vouches for is refused; one more authority can be named')],
        ),
        met('5.8-3', 'What the device senses is documented', [documentOf('docs/reference/profiles.md')]),
      ],
    },
    {
      name: '5.9 Resilient to outages',
      claims: [
        met('5.9-1', 'It survives the loss of network and power', [
          T.network('a network that is cut and heals: offline in time, back-filled in order, no alert about the past'),
          T.kill('kill -9 during ingest: nothing acknowledged is lost, nothing is doubled'),
          T.identityFile('kill -9 at any moment of a write leaves a whole identity'),
        ]),
        met('5.9-2', 'It works on without a network as far as it can, and comes back clean', [
          T.device('stays connected while idle, comes back after a drop, and its health tells the truth'),
          T.embedded('a server and its postmaster killed together leave nothing that hinders the next start'),
        ]),
        met('5.9-3', 'Many that come back at once do so in an orderly way', [
          T.stampede('a fleet that lost its server comes back to it, and what was acknowledged is there once'),
          T.backoff('every wait is possible between nothing and the ceiling'),
        ]),
      ],
    },
    {
      name: '5.10 Telemetry is looked at',
      claims: [
        partly(
          '5.10-1',
          'Telemetry is examined for signs of attacks',
          'Refusals, clones, floods and silence raise alerts; sign-ins from unusual places do not.',
          [
            T.badInput(
              '…: bad input is refused with a code of the table, counted and alerted on; nothing of it is stored',
            ),
            T.hostileDevice('beside a hostile device nothing of others is lost, and somebody is told'),
          ],
        ),
      ],
    },
    {
      name: '5.11 Deleting data',
      claims: [
        partly(
          '5.11-1',
          'A user erases their data from the device in a simple way',
          'A decommissioned device is told to reset; the answer says whether it did.',
          [
            T.decommission(
              'a connected device is told to reset, its keys are wiped, its data goes, and its old token hears why',
            ),
          ],
        ),
        partly(
          '5.11-2',
          'Personal data are removed from the service in a simple way',
          'By age; not yet for one person.',
          [
            T.recorder('turns older than they are kept are deleted, the others stay'),
            T.retention('what is out of date goes with its day; newer days and long roll-ups stay'),
          ],
        ),
        unmet('5.11-3', 'Users are told how to delete', 'There is no page about it yet.'),
        unmet('5.11-4', 'Users are told when it is deleted', 'Erasing is not there yet.'),
      ],
    },
    {
      name: '5.12 Installing and maintaining',
      claims: [
        met('5.12-1', 'Few decisions, and the safe one where none is made', [
          T.api('the set-up link works once'),
          T.mqttListening('without TLS it listens on loopback only, unless somebody asks for more'),
        ]),
        met('5.12-2', 'There are instructions for a secure set-up', [documentOf('docs/guides/run-in-production.md')]),
        partly(
          '5.12-3',
          'There are instructions to check that it is set up securely',
          'The guide has a list; nothing checks it.',
          [documentOf('docs/guides/run-in-production.md')],
        ),
      ],
    },
    {
      name: '5.13 Input is validated',
      claims: [
        met('5.13-1A', 'What people enter is validated', [
          T.cli('values that the server would refuse are refused here, in plain words'),
          T.deviceConfig('what is unknown, wrong or missing is refused by name, all at once'),
        ]),
        met('5.13-1B', 'What comes over a network is validated', [
          T.fuzz('…: …; no input breaks it'),
          T.badInput(
            '…: bad input is refused with a code of the table, counted and alerted on; nothing of it is stored',
          ),
          T.jsonBody('JSON that nests without end is refused before anything is built of it'),
          T.device('a server that lies, floods and stalls is survived'),
        ]),
      ],
    },
    {
      name: '6 Data protection',
      claims: [
        partly(
          '6-1',
          'Users are told which personal data are used, how, by whom and why',
          'The maker owes the notice; there is no template.',
          [documentOf('SECURITY.md', 'What the server promises')],
        ),
        unmet('6-2', 'Consent is obtained in a valid way', 'Consent of guardians is not there yet.'),
        unmet('6-3A', 'Consent can be withdrawn', 'Consent of guardians is not there yet.'),
        unmet('6-3B', 'It is kept who consented to what', 'Consent of guardians is not there yet.'),
        met('6-4', 'Telemetry holds no more personal data than it needs', [
          T.recorder('a turn is kept whole, its words only where the site says so'),
          T.xiaozhiSession('no word of a person and no token stands in the log'),
        ]),
        met('6-5', 'Users are told which telemetry is collected', [documentOf('docs/reference/profiles.md')]),
        met('6-6', 'No more personal data than the purpose needs, deleted when it is over', [
          T.recorder('a turn is kept whole, its words only where the site says so'),
          T.recorder('turns older than they are kept are deleted, the others stay'),
        ]),
        notApplicable(
          '6-7',
          'Data that are only to be counted are aggregated with care',
          'Nothing is collected for that yet.',
        ),
        unmet('6-8', 'Personal data are made anonymous where that is possible', 'Nothing does it yet.'),
      ],
    },
  ],
};

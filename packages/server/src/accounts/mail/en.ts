/** The letters in English: the measure for the other languages. */
export const en = {
  letters: {
    invitation: {
      subject: '{inviter} invites you to {place}',
      paragraphs: [
        '{inviter} invites you to {place} on Muster. Your role: {role}.',
        'The link works once, until {until}.',
      ],
      button: 'Accept the invitation',
      ignore: 'If you do not know who this is, leave this letter alone: nothing happens without you.',
    },
    passwordReset: {
      subject: 'Choose a new password',
      paragraphs: [
        'Somebody, hopefully you, asked for a new password for your account.',
        'The link works once, until {until}.',
      ],
      button: 'Choose a new password',
      ignore: 'If it was not you, leave this letter alone: your password stays as it is.',
    },
    passwordChanged: {
      subject: 'Your password was changed',
      paragraphs: ['The password of your account was changed on {at}.', 'All other sessions were signed out.'],
      button: 'Open Muster',
      ignore: 'If it was not you, ask for a new password at once and tell your administrator.',
    },
    newSignIn: {
      subject: 'A new sign-in to your account',
      paragraphs: [
        'Somebody signed in to your account from a new place on {at}.',
        'Program: {agent}',
        'Address: {address}',
      ],
      button: 'See your sessions',
      ignore: 'If it was you, there is nothing to do. If not, end that session and change your password.',
    },
    secondFactorChanged: {
      subject: 'Your second factor was changed',
      paragraphs: ['The ways to prove that it is you were changed on {at}: {change}.'],
      button: 'See your account',
      ignore: 'If it was not you, change your password at once and tell your administrator.',
    },
    recoveryCodeUsed: {
      subject: 'A recovery code was used',
      paragraphs: ['A recovery code of your account was used on {at}.', 'Codes that are left: {left}'],
      button: 'See your account',
      ignore: 'If it was not you, change your password at once and tell your administrator.',
    },
    emailConfirmation: {
      subject: 'Confirm your e-mail address',
      paragraphs: ['This e-mail address was entered for an account on Muster.', 'The link works once, until {until}.'],
      button: 'Confirm the address',
      ignore: 'If it was not you, leave this letter alone: the address is not used.',
    },
    emailChanged: {
      subject: 'Your e-mail address was changed',
      paragraphs: ['On {at} the e-mail address of your account was changed to {newEmail}.'],
      button: 'See your account',
      ignore: 'If it was not you, tell your administrator at once. This letter went to the old address.',
    },
  },
  roles: {
    owner: 'owner',
    operator: 'operator',
    viewer: 'viewer',
    guardian: 'guardian',
    administrator: 'administrator',
    support: 'support',
  },
  changes: {
    totpAdded: 'an authenticator app was added',
    totpRemoved: 'an authenticator app was removed',
    passkeyAdded: 'a passkey was added',
    passkeyRemoved: 'a passkey was removed',
    recoveryCodesMade: 'new recovery codes were made',
  },
  linkAsText: 'Or copy this address into your browser:',
  footer: 'Sent by Muster at {host} to {to}. Nobody from Muster ever asks for your password.',
} as const;

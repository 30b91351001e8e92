import type { AlertDeed } from '@muster/contract';
import type { Message } from '../episodes/episodes.ts';
import type { Letter } from '../notifiers/define.ts';

const VERBS: Readonly<Partial<Record<AlertDeed, string>>> = {
  opened: 'ALERT',
  released: 'ALERT',
  reminded: 'STILL',
  escalated: 'ESCALATED',
  closed: 'OK',
};

/** The words of a notification, in English. */
export function writeLetter(message: Message, notificationId: string, subjectName: string): Letter {
  const { deed, alert, note } = message;
  const title = oneLine(`[${VERBS[deed] ?? deed}] ${alert.severity}: ${alert.ruleName}: ${subjectName}`);
  const lines = [
    deed === 'closed' ? `Now: ${note}` : alert.fact,
    ...(note !== alert.fact && deed !== 'closed' ? [note] : []),
    `Since ${new Date(alert.openedAt).toISOString()}`,
    ...(alert.closedAt === null ? [] : [`Until ${new Date(alert.closedAt).toISOString()}`]),
    `Alert ${alert.alertId}`,
  ];
  return { ...message, notificationId, subjectName, title, text: lines.map(oneLine).join('\n') };
}

/** Without line breaks and other control characters: names are other people's words. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').slice(0, 500);
}

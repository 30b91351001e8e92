/** English. The keys and placeholders of this table are the ones that every other language must have. */
export const en = {
  // a stage did not answer in time, or failed
  hearingTimeout: "Sorry, I didn't get that. Please say it again.",
  hearingFailed: "Sorry, I can't hear properly right now. Please try again in a moment.",
  thinkingTimeout: 'Sorry, that is taking me too long. Please ask me again.',
  thinkingFailed: "Sorry, I can't answer right now. Please try again in a moment.",
  speakingFailed: "Sorry, I can't speak right now.",
  oneMoment: 'One moment, please.',
  turnLimit: "Sorry, I have to stop here. Let's take it step by step.",
  notHeard: "Sorry, I didn't hear you.",

  // screening
  refusedQuestion: "I can't talk about that. Let's talk about something else.",
  refusedAnswer: "I'd rather not say that. Ask me something else.",
  noScreening: "I can't talk yet. This site requires a screener, and none has been set up.",
  screeningFailed: "I can't check that right now, so I'd better not answer. Please try again in a moment.",

  // activation and the end of a conversation
  activation: 'Your code is {code}. Type it in the Muster dashboard.',
  activated: 'I am ready. Talk to me.',
  goodbye: 'Goodbye. Call me when you need me.',
  serverStopping: 'I have to restart. I will be back in a moment.',

  // what rings
  timerRings: 'Your timer is done.',
  timerRingsNamed: 'Your {label} timer is done.',
  timerLate: 'While you were away, your timer went off at {time}.',
  timerLateNamed: 'While you were away, your {label} timer went off at {time}.',
  alarmRings: "It's {time}. This is your alarm.",
  alarmRingsNamed: "It's {time}. This is your alarm: {label}.",
  alarmLate: 'While you were away, your {time} alarm went off.',
  alarmLateNamed: 'While you were away, your {time} alarm went off: {label}.',
  reminderRings: 'You asked me to remind you now.',
  reminderRingsNamed: 'A reminder: {label}.',
  reminderLate: 'While you were away, you had a reminder at {time}.',
  reminderLateNamed: 'While you were away, you had a reminder at {time}: {label}.',

  // tools
  toolFailed: "That didn't work.",
  toolTimeout: "The device didn't respond in time.",

  // what it is without a language model
  help: 'I can tell the time and date anywhere, set timers, alarms and reminders, do sums, convert units, control this device, and tell jokes and stories.',
  noLanguageModel:
    "I can't answer that, because I have no language model. To add one, set its base URL in the server's settings. Say help to hear what I can do.",
} as const;

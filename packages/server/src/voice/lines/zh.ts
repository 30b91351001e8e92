import type { Lines } from './index.ts';

/** Chinese (Mandarin, simplified). */
export const zh: Lines = {
  hearingTimeout: '不好意思，我没听清，请再说一遍。',
  hearingFailed: '不好意思，我现在听不太清楚，请稍后再试。',
  thinkingTimeout: '不好意思，我想得太久了，请再问一次。',
  thinkingFailed: '不好意思，我现在没法回答，请稍后再试。',
  speakingFailed: '不好意思，我现在说不了话。',
  oneMoment: '请稍等一下。',
  turnLimit: '不好意思，我只能先说到这里，我们一步一步来吧。',
  notHeard: '不好意思，我没听到您说话。',

  refusedQuestion: '这个我不能聊，我们换个话题吧。',
  refusedAnswer: '这个我还是不说为好，换个问题吧。',
  noScreening: '我还不能说话。这里要求内容审核，但还没有配置审核服务。',
  screeningFailed: '我现在没法做内容审核，所以先不回答，请稍后再试。',

  activation: '您的验证码是 {code}，请在 Muster 控制台中输入。',
  activated: '我准备好了，跟我说话吧。',
  goodbye: '再见，需要的时候再叫我。',
  serverStopping: '我要重启一下，马上回来。',

  timerRings: '计时结束了。',
  timerRingsNamed: '{label}的计时结束了。',
  timerLate: '您不在的时候，计时器在{time}响过了。',
  timerLateNamed: '您不在的时候，{label}的计时器在{time}响过了。',
  alarmRings: '现在是{time}，闹钟响了。',
  alarmRingsNamed: '现在是{time}，闹钟响了：{label}。',
  alarmLate: '您不在的时候，{time}的闹钟响过了。',
  alarmLateNamed: '您不在的时候，{time}的闹钟响过了：{label}。',
  reminderRings: '您让我现在提醒您。',
  reminderRingsNamed: '提醒您：{label}。',
  reminderLate: '您不在的时候，{time}有一条提醒。',
  reminderLateNamed: '您不在的时候，{time}有一条提醒：{label}。',

  toolFailed: '没有成功。',
  toolTimeout: '设备没有及时响应。',

  help: '我可以报各地的时间和日期，设置计时器、闹钟和提醒，做算术，换算单位，控制这台设备，还会讲笑话和故事。目前这些功能只支持英语。',
  noLanguageModel:
    '我回答不了这个问题，因为还没有接入语言模型。要接入，请在服务器设置里填写模型服务的地址。说 help 可以听我会做什么。',
};

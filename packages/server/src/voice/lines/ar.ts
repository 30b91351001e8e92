import type { Lines } from './index.ts';

/** Arabic (Modern Standard). Wording avoids forms that depend on the gender of the person spoken to where it can. */
export const ar: Lines = {
  hearingTimeout: 'عذرًا، لم أفهم ما قيل. أرجو الإعادة مرة أخرى.',
  hearingFailed: 'عذرًا، لا أستطيع السمع جيدًا الآن. أرجو المحاولة بعد قليل.',
  thinkingTimeout: 'عذرًا، استغرق التفكير وقتًا أطول من اللازم. أرجو إعادة السؤال.',
  thinkingFailed: 'عذرًا، لا أستطيع الإجابة الآن. أرجو المحاولة بعد قليل.',
  speakingFailed: 'عذرًا، لا أستطيع الكلام الآن.',
  oneMoment: 'لحظة من فضلك.',
  turnLimit: 'عذرًا، عليّ أن أتوقف هنا. لنمضِ خطوة بخطوة.',
  notHeard: 'عذرًا، لم أسمع شيئًا.',

  refusedQuestion: 'لا أستطيع الحديث في هذا. لنتحدث عن شيء آخر.',
  refusedAnswer: 'أفضّل ألا أقول ذلك. لننتقل إلى سؤال آخر.',
  noScreening: 'لا أستطيع الكلام بعد. هذا الموقع يشترط فحص المحتوى، ولم يُضبط أي فاحص حتى الآن.',
  screeningFailed: 'لا أستطيع التحقق من المحتوى الآن، ولذلك لن أجيب. أرجو المحاولة بعد قليل.',

  activation: 'رمز التفعيل هو {code}. أدخله في لوحة تحكم Muster.',
  activated: 'أنا جاهز. لنبدأ الحديث.',
  goodbye: 'إلى اللقاء. أنا هنا عند الحاجة.',
  serverStopping: 'عليّ أن أعيد التشغيل. سأعود بعد لحظات.',

  timerRings: 'انتهى وقت المؤقت.',
  timerRingsNamed: 'انتهى وقت مؤقت {label}.',
  timerLate: 'في أثناء غيابك، انتهى المؤقت عند الساعة {time}.',
  timerLateNamed: 'في أثناء غيابك، انتهى مؤقت {label} عند الساعة {time}.',
  alarmRings: 'الساعة الآن {time}. هذا هو المنبّه.',
  alarmRingsNamed: 'الساعة الآن {time}. هذا هو المنبّه: {label}.',
  alarmLate: 'في أثناء غيابك، رنّ منبّه الساعة {time}.',
  alarmLateNamed: 'في أثناء غيابك، رنّ منبّه الساعة {time}: {label}.',
  reminderRings: 'حان وقت التذكير المطلوب.',
  reminderRingsNamed: 'تذكير: {label}.',
  reminderLate: 'في أثناء غيابك، كان لديك تذكير عند الساعة {time}.',
  reminderLateNamed: 'في أثناء غيابك، كان لديك تذكير عند الساعة {time}: {label}.',

  toolFailed: 'لم ينجح ذلك.',
  toolTimeout: 'لم يستجب الجهاز في الوقت المناسب.',

  help: 'أستطيع معرفة الوقت والتاريخ في أي مكان، وضبط المؤقتات والمنبّهات والتذكيرات، والحساب، وتحويل الوحدات، والتحكم في هذا الجهاز، ورواية النكات والقصص. هذه الأمور أفهمها حاليًا بالإنجليزية فقط.',
  noLanguageModel:
    'لا أستطيع الإجابة عن هذا لأنه ليس لديّ نموذج لغوي. لإضافة نموذج، يجب ضبط عنوان خادمه في إعدادات الخادم. قل help لتعرف ما أستطيع فعله.',
};

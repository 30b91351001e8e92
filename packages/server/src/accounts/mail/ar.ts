import type { Words } from './words.ts';

/** Arabic. */
export const ar: Words = {
  letters: {
    invitation: {
      subject: 'دعوة من {inviter} للانضمام إلى {place}',
      paragraphs: [
        'تلقيت دعوة من {inviter} للانضمام إلى {place} على Muster. دورك: {role}.',
        'يعمل الرابط مرة واحدة، حتى {until}.',
      ],
      button: 'قبول الدعوة',
      ignore: 'إذا كنت لا تعرف المرسل فتجاهل هذه الرسالة: لن يحدث شيء من دون موافقتك.',
    },
    passwordReset: {
      subject: 'اختيار كلمة مرور جديدة',
      paragraphs: ['طُلبت كلمة مرور جديدة لحسابك، ونرجو أن تكون أنت من طلبها.', 'يعمل الرابط مرة واحدة، حتى {until}.'],
      button: 'اختيار كلمة مرور جديدة',
      ignore: 'إذا لم تطلبها أنت فتجاهل هذه الرسالة: ستبقى كلمة مرورك كما هي.',
    },
    passwordChanged: {
      subject: 'تم تغيير كلمة مرورك',
      paragraphs: ['تم تغيير كلمة مرور حسابك في {at}.', 'تم تسجيل الخروج من جميع الجلسات الأخرى.'],
      button: 'فتح Muster',
      ignore: 'إذا لم تكن أنت فاطلب كلمة مرور جديدة فورًا وأبلغ المسؤول.',
    },
    newSignIn: {
      subject: 'تسجيل دخول جديد إلى حسابك',
      paragraphs: ['تم تسجيل الدخول إلى حسابك من مكان جديد في {at}.', 'البرنامج: {agent}', 'العنوان: {address}'],
      button: 'عرض جلساتك',
      ignore: 'إذا كنت أنت فلا داعي لفعل شيء. وإن لم تكن أنت فأنهِ تلك الجلسة وغيّر كلمة مرورك.',
    },
    secondFactorChanged: {
      subject: 'تم تغيير عامل التحقق الثاني',
      paragraphs: ['تم تغيير طرق إثبات هويتك في {at}: {change}.'],
      button: 'عرض حسابك',
      ignore: 'إذا لم تكن أنت فغيّر كلمة مرورك فورًا وأبلغ المسؤول.',
    },
    recoveryCodeUsed: {
      subject: 'تم استخدام رمز استرداد',
      paragraphs: ['تم استخدام أحد رموز استرداد حسابك في {at}.', 'الرموز المتبقية: {left}'],
      button: 'عرض حسابك',
      ignore: 'إذا لم تكن أنت فغيّر كلمة مرورك فورًا وأبلغ المسؤول.',
    },
    emailChanged: {
      subject: 'تم تغيير عنوان بريدك الإلكتروني',
      paragraphs: ['في {at} تم تغيير عنوان البريد الإلكتروني لحسابك إلى {newEmail}.'],
      button: 'عرض حسابك',
      ignore: 'إذا لم تكن أنت فأبلغ المسؤول فورًا. أُرسلت هذه الرسالة إلى العنوان القديم.',
    },
  },
  roles: {
    owner: 'مالك',
    operator: 'مشغّل',
    viewer: 'مشاهد',
    guardian: 'وليّ أمر',
    administrator: 'مسؤول',
    support: 'دعم',
  },
  changes: {
    totpAdded: 'أُضيف تطبيق مصادقة',
    totpRemoved: 'أُزيل تطبيق مصادقة',
    passkeyAdded: 'أُضيف مفتاح مرور',
    passkeyRemoved: 'أُزيل مفتاح مرور',
    recoveryCodesMade: 'أُنشئت رموز استرداد جديدة',
  },
  linkAsText: 'أو انسخ هذا العنوان إلى متصفحك:',
  footer: 'أرسله Muster من {host} إلى {to}. لن يسألك أحد من Muster عن كلمة مرورك أبدًا.',
};

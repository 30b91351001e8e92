import type { Words } from './words.ts';

/** Chinese, simplified. */
export const zh: Words = {
  letters: {
    invitation: {
      subject: '{inviter} 邀请您加入 {place}',
      paragraphs: [
        '{inviter} 邀请您加入 Muster 上的 {place}。您的角色：{role}。',
        '链接只能使用一次，有效期至 {until}。',
      ],
      button: '接受邀请',
      ignore: '如果您不认识此人，请忽略本邮件：未经您同意，不会发生任何事。',
    },
    passwordReset: {
      subject: '设置新密码',
      paragraphs: ['有人（希望是您本人）为您的账户请求设置新密码。', '链接只能使用一次，有效期至 {until}。'],
      button: '设置新密码',
      ignore: '如果不是您本人，请忽略本邮件：您的密码保持不变。',
    },
    passwordChanged: {
      subject: '您的密码已更改',
      paragraphs: ['您账户的密码已于 {at} 更改。', '其他所有会话均已退出登录。'],
      button: '打开 Muster',
      ignore: '如果不是您本人，请立即申请新密码并告知管理员。',
    },
    newSignIn: {
      subject: '您的账户有新的登录',
      paragraphs: ['有人于 {at} 从新的地点登录了您的账户。', '程序：{agent}', '地址：{address}'],
      button: '查看会话',
      ignore: '如果是您本人，无需任何操作。如果不是，请结束该会话并更改密码。',
    },
    secondFactorChanged: {
      subject: '您的第二验证方式已更改',
      paragraphs: ['您的身份验证方式已于 {at} 更改：{change}。'],
      button: '查看账户',
      ignore: '如果不是您本人，请立即更改密码并告知管理员。',
    },
    recoveryCodeUsed: {
      subject: '恢复码已被使用',
      paragraphs: ['您账户的一个恢复码已于 {at} 被使用。', '剩余恢复码：{left}'],
      button: '查看账户',
      ignore: '如果不是您本人，请立即更改密码并告知管理员。',
    },
    emailConfirmation: {
      subject: '确认您的电子邮件地址',
      paragraphs: ['有人在 Muster 的账户中填写了此电子邮件地址。', '链接只能使用一次，有效期至 {until}。'],
      button: '确认地址',
      ignore: '如果不是您本人，请忽略本邮件：该地址不会被使用。',
    },
    emailChanged: {
      subject: '您的电子邮件地址已更改',
      paragraphs: ['您账户的电子邮件地址已于 {at} 更改为 {newEmail}。'],
      button: '查看账户',
      ignore: '如果不是您本人，请立即告知管理员。本邮件发送至旧地址。',
    },
  },
  roles: {
    owner: '所有者',
    operator: '操作员',
    viewer: '查看者',
    guardian: '监护人',
    administrator: '管理员',
    support: '支持人员',
  },
  changes: {
    totpAdded: '已添加验证器应用',
    totpRemoved: '已移除验证器应用',
    passkeyAdded: '已添加通行密钥',
    passkeyRemoved: '已移除通行密钥',
    recoveryCodesMade: '已生成新的恢复码',
  },
  linkAsText: '或将此地址复制到浏览器：',
  footer: '由 {host} 上的 Muster 发送给 {to}。Muster 的任何人都不会索要您的密码。',
};

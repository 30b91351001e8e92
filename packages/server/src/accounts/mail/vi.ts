import type { Words } from './words.ts';

/** Vietnamese. */
export const vi: Words = {
  letters: {
    invitation: {
      subject: '{inviter} mời bạn tham gia {place}',
      paragraphs: [
        '{inviter} mời bạn tham gia {place} trên Muster. Vai trò của bạn: {role}.',
        'Liên kết chỉ dùng được một lần, đến {until}.',
      ],
      button: 'Nhận lời mời',
      ignore: 'Nếu bạn không biết người này, hãy bỏ qua thư: sẽ không có gì xảy ra nếu bạn không đồng ý.',
    },
    passwordReset: {
      subject: 'Đặt mật khẩu mới',
      paragraphs: [
        'Có người, hy vọng là bạn, đã yêu cầu đặt mật khẩu mới cho tài khoản của bạn.',
        'Liên kết chỉ dùng được một lần, đến {until}.',
      ],
      button: 'Đặt mật khẩu mới',
      ignore: 'Nếu không phải bạn, hãy bỏ qua thư này: mật khẩu của bạn vẫn giữ nguyên.',
    },
    passwordChanged: {
      subject: 'Mật khẩu của bạn đã được thay đổi',
      paragraphs: [
        'Mật khẩu tài khoản của bạn đã được thay đổi vào {at}.',
        'Mọi phiên đăng nhập khác đã bị đăng xuất.',
      ],
      button: 'Mở Muster',
      ignore: 'Nếu không phải bạn, hãy yêu cầu mật khẩu mới ngay và báo cho quản trị viên.',
    },
    newSignIn: {
      subject: 'Có lần đăng nhập mới vào tài khoản của bạn',
      paragraphs: [
        'Có người đăng nhập vào tài khoản của bạn từ một nơi mới vào {at}.',
        'Chương trình: {agent}',
        'Địa chỉ: {address}',
      ],
      button: 'Xem các phiên đăng nhập',
      ignore: 'Nếu đó là bạn, bạn không cần làm gì. Nếu không, hãy kết thúc phiên đó và đổi mật khẩu.',
    },
    secondFactorChanged: {
      subject: 'Xác thực hai lớp của bạn đã thay đổi',
      paragraphs: ['Cách xác nhận danh tính của bạn đã thay đổi vào {at}: {change}.'],
      button: 'Xem tài khoản',
      ignore: 'Nếu không phải bạn, hãy đổi mật khẩu ngay và báo cho quản trị viên.',
    },
    recoveryCodeUsed: {
      subject: 'Một mã khôi phục đã được dùng',
      paragraphs: ['Một mã khôi phục của tài khoản bạn đã được dùng vào {at}.', 'Số mã còn lại: {left}'],
      button: 'Xem tài khoản',
      ignore: 'Nếu không phải bạn, hãy đổi mật khẩu ngay và báo cho quản trị viên.',
    },
    emailConfirmation: {
      subject: 'Xác nhận địa chỉ e-mail của bạn',
      paragraphs: [
        'Địa chỉ e-mail này đã được nhập cho một tài khoản trên Muster.',
        'Liên kết chỉ dùng được một lần, đến {until}.',
      ],
      button: 'Xác nhận địa chỉ',
      ignore: 'Nếu không phải bạn, hãy bỏ qua thư này: địa chỉ sẽ không được sử dụng.',
    },
    emailChanged: {
      subject: 'Địa chỉ e-mail của bạn đã thay đổi',
      paragraphs: ['Vào {at}, địa chỉ e-mail của tài khoản bạn đã được đổi thành {newEmail}.'],
      button: 'Xem tài khoản',
      ignore: 'Nếu không phải bạn, hãy báo ngay cho quản trị viên. Thư này được gửi đến địa chỉ cũ.',
    },
  },
  roles: {
    owner: 'chủ sở hữu',
    operator: 'người vận hành',
    viewer: 'người xem',
    guardian: 'người giám hộ',
    administrator: 'quản trị viên',
    support: 'hỗ trợ',
  },
  changes: {
    totpAdded: 'đã thêm một ứng dụng xác thực',
    totpRemoved: 'đã gỡ một ứng dụng xác thực',
    passkeyAdded: 'đã thêm một khóa truy cập',
    passkeyRemoved: 'đã gỡ một khóa truy cập',
    recoveryCodesMade: 'đã tạo các mã khôi phục mới',
  },
  linkAsText: 'Hoặc chép địa chỉ này vào trình duyệt:',
  footer: 'Muster tại {host} gửi thư này đến {to}. Không ai của Muster hỏi mật khẩu của bạn.',
};

import type { Lines } from './index.ts';

/** Vietnamese. */
export const vi: Lines = {
  hearingTimeout: 'Xin lỗi, tôi nghe chưa rõ. Bạn nói lại giúp tôi nhé.',
  hearingFailed: 'Xin lỗi, lúc này tôi nghe không được rõ. Lát nữa bạn thử lại nhé.',
  thinkingTimeout: 'Xin lỗi, tôi nghĩ hơi lâu. Bạn hỏi lại giúp tôi nhé.',
  thinkingFailed: 'Xin lỗi, lúc này tôi chưa trả lời được. Lát nữa bạn thử lại nhé.',
  speakingFailed: 'Xin lỗi, lúc này tôi không nói được.',
  oneMoment: 'Xin chờ một chút.',
  turnLimit: 'Xin lỗi, tôi phải dừng ở đây. Mình làm từng bước một nhé.',
  notHeard: 'Xin lỗi, tôi không nghe thấy bạn nói.',

  refusedQuestion: 'Chuyện này tôi không nói được. Mình nói chuyện khác nhé.',
  refusedAnswer: 'Điều này tôi không nên nói. Bạn hỏi tôi chuyện khác nhé.',
  noScreening: 'Tôi chưa thể nói chuyện. Nơi này yêu cầu bộ lọc nội dung, nhưng chưa có bộ lọc nào được cài đặt.',
  screeningFailed: 'Lúc này tôi chưa kiểm tra được nội dung nên xin phép chưa trả lời. Lát nữa bạn thử lại nhé.',

  activation: 'Mã của bạn là {code}. Hãy nhập mã này vào trang quản lý Muster.',
  activated: 'Tôi đã sẵn sàng. Bạn nói chuyện với tôi đi.',
  goodbye: 'Tạm biệt. Khi nào cần, bạn cứ gọi tôi nhé.',
  serverStopping: 'Tôi phải khởi động lại. Tôi sẽ quay lại ngay.',

  timerRings: 'Đã hết giờ hẹn.',
  timerRingsNamed: 'Đã hết giờ hẹn {label}.',
  timerLate: 'Lúc bạn vắng mặt, bộ hẹn giờ đã kết thúc lúc {time}.',
  timerLateNamed: 'Lúc bạn vắng mặt, bộ hẹn giờ {label} đã kết thúc lúc {time}.',
  alarmRings: 'Bây giờ là {time}. Đây là báo thức của bạn.',
  alarmRingsNamed: 'Bây giờ là {time}. Đây là báo thức của bạn: {label}.',
  alarmLate: 'Lúc bạn vắng mặt, báo thức {time} đã reo.',
  alarmLateNamed: 'Lúc bạn vắng mặt, báo thức {time} đã reo: {label}.',
  reminderRings: 'Bạn đã dặn tôi nhắc bạn vào lúc này.',
  reminderRingsNamed: 'Nhắc bạn: {label}.',
  reminderLate: 'Lúc bạn vắng mặt, bạn có một lời nhắc lúc {time}.',
  reminderLateNamed: 'Lúc bạn vắng mặt, bạn có một lời nhắc lúc {time}: {label}.',

  toolFailed: 'Không thực hiện được rồi.',
  toolTimeout: 'Thiết bị không phản hồi kịp.',

  help: 'Tôi có thể cho biết ngày giờ ở khắp nơi, hẹn giờ, đặt báo thức và lời nhắc, tính toán, đổi đơn vị, điều khiển thiết bị này, kể chuyện và kể chuyện cười. Hiện những việc đó tôi chỉ hiểu bằng tiếng Anh.',
  noLanguageModel:
    'Tôi không trả lời được câu này vì chưa có mô hình ngôn ngữ. Để thêm, hãy đặt địa chỉ máy chủ mô hình trong cấu hình. Hãy nói help để biết tôi làm được gì.',
};

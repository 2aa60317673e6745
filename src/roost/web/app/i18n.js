/** The page's words, in English and Chinese. */

import { signal } from "./ui.js";

export const WORDS = {
  signIn: ["Sign in", "登录"],
  signUp: ["Create account", "注册"],
  user: ["User name", "用户名"],
  password: ["Password", "密码"],
  haveAccount: ["I have an account", "已有账号"],
  noAccount: ["I am new here", "新用户"],
  tagline: ["No message is ever lost between two devices.", "两台设备之间，消息永不丢失。"],
  conversations: ["Conversations", "会话"],
  newChat: ["New conversation", "新会话"],
  newGroup: ["New group", "新建群组"],
  startWith: ["Who do you want to write to?", "想和谁聊天？"],
  groupName: ["Name of the group", "群名称"],
  groupMembers: ["Members, separated by spaces", "成员，用空格分隔"],
  start: ["Start", "开始"],
  cancel: ["Cancel", "取消"],
  create: ["Create", "创建"],
  send: ["Send", "发送"],
  write: ["Write a message", "输入消息"],
  nothingYet: ["Nothing here yet. Say hello.", "还没有消息，打个招呼吧。"],
  choose: ["Choose a conversation, or begin one.", "选择一个会话，或新建一个。"],
  noConversations: ["No conversations yet.", "还没有会话。"],
  you: ["You", "你"],
  online: ["online", "在线"],
  lastSeen: ["last seen {0}", "最后在线 {0}"],
  typing: ["{0} is typing…", "{0} 正在输入…"],
  pending: ["sending", "发送中"],
  sent: ["sent", "已发送"],
  delivered: ["delivered", "已送达"],
  read: ["read", "已读"],
  notYet: ["not yet", "未送达"],
  receipts: ["Who has read it", "谁读过"],
  readBy: ["{0} of {1} have read it.", "{1} 人中 {0} 人已读。"],
  showMore: ["Show more", "显示更多"],
  search: ["Search messages", "搜索消息"],
  nothingFound: ["Nothing found.", "没有找到。"],
  results: ["What was found", "搜索结果"],
  failed: ["not sent: {0}", "发送失败：{0}"],
  retry: ["Try again", "重试"],
  discard: ["Discard", "丢弃"],
  recalled: ["This message was recalled.", "消息已撤回。"],
  edited: ["edited", "已编辑"],
  react: ["React with {0}", "用 {0} 回应"],
  reactions: ["{0}: {1}", "{0}：{1}"],
  edit: ["Edit", "编辑"],
  recall: ["Recall", "撤回"],
  reply: ["Reply", "回复"],
  more: ["More", "更多"],
  copy: ["Copy the text", "复制文字"],
  replyingTo: ["Replying to {0}:", "回复 {0}："],
  noReply: ["Don't reply", "取消回复"],
  inReplyTo: ["In reply to {0}: {1}", "回复 {0}：{1}"],
  earlierMessage: ["an earlier message", "更早的消息"],
  mention: ["Members to mention", "可提及的成员"],
  everybody: ["all (everybody in the group)", "all（所有人）"],
  mentioned: ["You are mentioned", "有人提到你"],
  forward: ["Forward", "转发"],
  forwardTo: ["Forward to…", "转发给…"],
  forwardedFrom: ["Forwarded from {0}", "转发自 {0}"],
  chooseSome: ["Choose at least one conversation.", "请至少选择一个会话。"],
  find: ["Find", "查找"],
  pin: ["Pin", "置顶"],
  unpin: ["Unpin", "取消置顶"],
  unpinThat: ["Unpin: {0}", "取消置顶：{0}"],
  pinned: ["pinned", "已置顶"],
  pins: ["Pinned messages", "置顶消息"],
  noPins: ["Nothing is pinned here.", "还没有置顶消息。"],
  save: ["Save", "保存"],
  newText: ["New text", "新内容"],
  newMessages: ["New messages", "新消息"],
  jump: ["Jump to latest", "跳到最新"],
  unread: ["{0} unread", "{0} 条未读"],
  connected: ["Connected", "已连接"],
  connecting: ["Connecting…", "连接中…"],
  syncing: ["Catching up…", "同步中…"],
  disconnected: ["Offline", "离线"],
  catchingUp: ["Catching up: {0} of {1}", "正在同步：{0} / {1}"],
  goOffline: ["Go offline", "转为离线"],
  goOnline: ["Go online", "恢复在线"],
  settings: ["Settings", "设置"],
  language: ["中文", "English"],
  theme: ["Dark or light", "深色或浅色"],
  notify: ["Notify me", "允许通知"],
  notifiedAlways: ["You are notified of new messages.", "你会收到新消息通知。"],
  notifiedOpen: ["You are notified while this page is open.", "打开此页面时，你会收到通知。"],
  signOut: ["Sign out", "退出登录"],
  signOutForget: ["Sign out, and remove what is stored here", "退出并清除本机数据"],
  back: ["Back to the conversations", "返回会话列表"],
  members: ["Members", "成员"],
  addMember: ["Add a member", "添加成员"],
  leave: ["Leave the group", "退出群组"],
  attach: ["Attach files", "添加文件"],
  attached: ["Files for the next message", "待发送的文件"],
  uploading: ["Uploading", "上传中"],
  openPicture: ["Look at {0}", "查看 {0}"],
  save_: ["Save {0}", "保存 {0}"],
  saveFile: ["Save", "保存"],
  remove: ["Remove {0}", "移除 {0}"],
  add: ["Add", "添加"],
  owner: ["owner", "群主"],
  admin: ["admin", "管理员"],
  member: ["member", "成员"],
  groupSettings: ["Settings of the group", "群设置"],
  description: ["What it is about", "群简介"],
  announcementOnly: ["Only the owner and admins write", "仅群主和管理员可发言"],
  membersInvite: ["Members may add others", "成员可邀请他人"],
  manage: ["Manage {0}", "管理 {0}"],
  makeAdmin: ["Make admin", "设为管理员"],
  makeMember: ["No longer admin", "取消管理员"],
  makeOwner: ["Make owner", "转让群主"],
  mute: ["Mute for an hour", "禁言一小时"],
  unmute: ["May write again", "解除禁言"],
  muted: ["muted until {0}", "禁言至 {0}"],
  removeMember: ["Remove", "移除"],
  ban: ["Ban", "封禁"],
  bans: ["Banned", "已封禁"],
  unban: ["Lift", "解除"],
  unbanThat: ["Lift the ban of {0}", "解除对 {0} 的封禁"],
  invite: ["Invite by link", "链接邀请"],
  inviteLink: ["Whoever has this link may join, for a week", "一周内持此链接者可加入"],
  copyLink: ["Copy the link", "复制链接"],
  join: ["Join", "加入"],
  joinThat: ["Join {0}?", "加入 {0}？"],
  onlyAdmins: ["Only the owner and admins write here.", "仅群主和管理员可发言。"],
  youAreMuted: ["You may write again at {0}.", "你将于 {0} 解除禁言。"],
  gone: ["You are no longer in this group.", "你已不在此群组。"],
  loadFailed: ["It could not be loaded: {0}", "加载失败：{0}"],
  today: ["Today", "今天"],
  yesterday: ["Yesterday", "昨天"],
  messagesOf: ["Messages with {0}", "与 {0} 的消息"],
  passwordHint: ["8 characters or more", "至少 8 个字符"],
  close: ["Close", "关闭"],
};

const LANGUAGES = ["en", "zh"];

export const language = signal(
  localStorage.getItem("roost:language") ?? (navigator.language.startsWith("zh") ? "zh" : "en"),
);

/** @param {string} chosen en or zh */
export function speak(chosen) {
  language.value = chosen;
  localStorage.setItem("roost:language", chosen);
  document.documentElement.lang = chosen;
}

/**
 * What gives a text in the language of the page; `{0}` stands for the first of the values.
 *
 * @template {Record<string, string[]>} Words
 * @param {Words} words each in the order of `LANGUAGES`
 * @returns {(key: keyof Words, ...values: (string|number)[]) => string}
 */
export function speaking(words) {
  return (key, ...values) => {
    const text = words[key][LANGUAGES.indexOf(language.value)] ?? words[key][0];
    return text.replace(/\{(\d)\}/g, (_, index) => String(values[Number(index)]));
  };
}

export const t = speaking(WORDS);

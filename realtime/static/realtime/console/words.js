// What the console says.

export const WORDS = {
  en: {
    console: "Support", you: "You", customer: "Customer", visitor: "Visitor", agent: "Agent", nobody: "Nobody", close: "Close this window", back: "Back to the list",
    loading: "Loading…", tryAgain: "Try again", open: "Open", undo: "Undo", more: "Show more", send: "Send",
    username: "Username", password: "Password", logIn: "Log in", logInAgain: "Log in again", somebodyElse: "Log in as somebody else", somebodyElseHint: "In this tab only", logOut: "Log out", logOutHint: "In every tab and on every device",
    notAnAgent: "This page is for support agents, and your account is not one. Ask your administrator.",
    tooOften: "Too many attempts. Try again at {time}.", noServer: "The server cannot be reached. Check your connection and try again.",
    loginOver: "Your login has ended. Log in to go on; what you were typing is still here.", loginEnds: "Your login ends in a minute.",
    ownStatus: "Your status", online: "Online", away: "Away", busy: "Busy", offline: "Appear offline", gone: "Offline",
    onlineHint: "You get new conversations", awayHint: "You keep what you have, nothing new comes", busyHint: "You keep what you have, nothing new comes", offlineHint: "Nobody sees that you are here",
    notWhileAway: "There is no connection just now. Try again in a moment.",
    reconnecting: "Reconnecting…", noConnection: "No connection, trying again", connectedAgain: "Connected", caughtUp: "Caught up, {n} new", notConnected: "Could not connect.",
    alerts: "Alerts", soundOfMessages: "Sound when a customer writes", soundOfQueue: "Sound when somebody joins the queue", countInTitle: "Unread count in the tab’s title",
    desktopNotifications: "Desktop notifications while you are in another window", keysOn: "Single-key shortcuts",
    noDesktop: "This browser has no notifications.", desktopRefused: "Your browser does not allow them. You can change that in its settings for this site.",
    search: "Search names and messages", searching: "Searching…", nothingFound: "Nothing found for “{words}”.", sessions: "Conversations", messages: "Messages", lists: "Which conversations",
    mine: "Mine", waiting: "Waiting", all: "All", closed: "Closed", unread: "unread", nothingWritten: "Nothing written yet",
    mineEmpty: "You have no open conversations.", mineEmptyHint: "While you are online, new ones come to you.",
    waitingEmpty: "Nobody is waiting.", waitingEmptyHint: "Whoever cannot be served at once appears here.",
    allEmpty: "There are no conversations yet.", allEmptyHint: "They appear here as soon as a customer writes.",
    listFailed: "The conversations could not be loaded. {why}", waitsSince: "Waiting since {time}", looksAtIt: "{name} is looking at this",
    conversation: "Conversation", chooseOne: "Choose a conversation.", chooseOneHint: "J and K move through the list, Enter opens, ? shows all keys.",
    messagesWith: "Messages with {name}", beginning: "The conversation begins here.", new: "New", toNewest: "New messages", noteBy: "Note · {name}",
    sending: "Sending", sent: "Sent", read: "Read", notSent: "Not sent.", discard: "Discard",
    claim: "Claim", transfer: "Transfer", closeSession: "Close", aboutCustomer: "About the customer",
    answer: "Answer", note: "Note", writeWhat: "What you write", writeAnswer: "Write an answer", writeNote: "Write a note, only agents see it",
    enterSends: "Enter sends, Shift+Enter breaks the line", charactersLeft: "{n} characters left", tooLong: "{n} characters too many",
    canned: "Canned replies", cannedFilter: "Find a canned reply", cannedNone: "No canned reply has these words.", cannedEmpty: "There are no canned replies yet. They are written in the admin.",
    customerHere: "online", customerGone: "not here just now", waitsForAgent: "Waits for an agent", isWith: "With {name}",
    onlyNotes: "Another agent answers here. You can leave a note.", onlyNotesWaiting: "Claim this conversation to answer. You can leave a note before.",
    isClosed: "This conversation is closed.", rated: "Rated {n} of 5", ending: "This is about to happen; you can still undo it.",
    closing: "Closing the conversation with {name}.", transferring: "Handing {name} to {to}.", didNotWork: "{what} That did not work: {why}",
    transferOf: "Transfer {name}", agents: "Agents", nobodyElse: "There is no other agent.", transferNote: "Note for the agent", transferNoteHint: "What they should know; the customer does not see it",
    sessionsOf: "{n} of {most} conversations", waitsNow: "{name} is waiting", isYours: "{name} is yours now.", wasGivenYou: "{name} was handed to you.", handedBy: "{from} handed this to {to}: {note}",
    channel: "Channel", language: "Language", localTime: "Time there", email: "E-mail", since: "Customer since", details: "Details",
    earlierSessions: "Other conversations", noEarlier: "This is the only one.", isBlocked: "Blocked: cannot write any more.",
    blockCustomer: "Block this customer", blockHint: "The customer cannot write any more, and the open conversation is closed.", blockReason: "Reason, for the other agents", block: "Block", unblock: "Let them write again",
    figures: "Figures", ownFigures: "Your figures", howLong: "How many days", days7: "7 days", days30: "30 days", noFigures: "There were no conversations in these days.",
    firstAnswer: "First answer (median)", length: "Length (mean)", rating: "Rating", sessionsPerDay: "Conversations per day", firstAnswerPerDay: "First answer per day (median)",
    sessionsPerAgent: "Conversations per agent", medianHint: "A day’s value is the mean of its agents’ medians, weighed by their conversations.", asTable: "As a table", day: "Day",
    help: "Keys", keysWhen: "They work while you are not typing. Alerts has a switch for them.", keysSend: "While typing: Enter sends, Shift+Enter breaks the line, Esc leaves the field.",
    keyNext: "Next conversation", keyPrevious: "Previous conversation", keyOpen: "Open it", keyAnswer: "Answer", keyNote: "Write a note", keyClaim: "Claim", keyTransfer: "Transfer", keyClose: "Close the conversation",
    keyUndo: "Undo a transfer or a close", keyCanned: "Canned replies", keyFill: "Fill the next placeholder of a canned reply", keyStatus: "Your status", keyHelp: "This sheet", keyBack: "Back",
  },
  "zh-hans": {
    console: "客服工作台", you: "我", customer: "客户", visitor: "访客", agent: "客服", nobody: "无人", close: "关闭此窗口", back: "返回列表",
    loading: "加载中…", tryAgain: "重试", open: "打开", undo: "撤销", more: "显示更多", send: "发送",
    username: "用户名", password: "密码", logIn: "登录", logInAgain: "重新登录", somebodyElse: "切换账号", somebodyElseHint: "仅限此标签页", logOut: "退出登录", logOutHint: "所有标签页和设备都会退出",
    notAnAgent: "此页面仅供客服使用，您的账号不是客服账号。请联系管理员。",
    tooOften: "尝试次数过多，请在 {time} 后再试。", noServer: "无法连接服务器，请检查网络后重试。",
    loginOver: "登录已失效。重新登录即可继续，您正在输入的内容仍然保留。", loginEnds: "您的登录将在一分钟后失效。",
    ownStatus: "我的状态", online: "在线", away: "离开", busy: "忙碌", offline: "隐身", gone: "离线",
    onlineHint: "会收到新会话", awayHint: "保留现有会话，不再分配新会话", busyHint: "保留现有会话，不再分配新会话", offlineHint: "其他人看不到您在线",
    notWhileAway: "当前没有连接，请稍后重试。",
    reconnecting: "正在重新连接…", noConnection: "连接已断开，正在重试", connectedAgain: "已连接", caughtUp: "已同步，{n} 条新消息", notConnected: "连接失败。",
    alerts: "提醒", soundOfMessages: "客户发来消息时播放声音", soundOfQueue: "有人进入排队时播放声音", countInTitle: "在标签页标题中显示未读数",
    desktopNotifications: "在其他窗口工作时显示桌面通知", keysOn: "单键快捷键",
    noDesktop: "此浏览器不支持通知。", desktopRefused: "浏览器不允许通知，您可以在浏览器的网站设置中更改。",
    search: "搜索姓名和消息", searching: "搜索中…", nothingFound: "没有找到“{words}”。", sessions: "会话", messages: "消息", lists: "会话列表",
    mine: "我的", waiting: "排队", all: "全部", closed: "已结束", unread: "条未读", nothingWritten: "还没有消息",
    mineEmpty: "您没有进行中的会话。", mineEmptyHint: "在线时，新会话会自动分配给您。",
    waitingEmpty: "没有人在排队。", waitingEmptyHint: "暂时无人接待的客户会出现在这里。",
    allEmpty: "还没有会话。", allEmptyHint: "客户发来消息后会显示在这里。",
    listFailed: "会话加载失败。{why}", waitsSince: "从 {time} 开始等待", looksAtIt: "{name} 正在查看",
    conversation: "会话", chooseOne: "请选择一个会话。", chooseOneHint: "按 J 和 K 在列表中移动，Enter 打开，? 查看全部按键。",
    messagesWith: "与 {name} 的消息", beginning: "会话从这里开始。", new: "新消息", toNewest: "有新消息", noteBy: "备注 · {name}",
    sending: "发送中", sent: "已发送", read: "已读", notSent: "发送失败。", discard: "放弃",
    claim: "接入", transfer: "转接", closeSession: "结束", aboutCustomer: "客户资料",
    answer: "回复", note: "备注", writeWhat: "输入内容的类型", writeAnswer: "输入回复", writeNote: "输入备注，仅客服可见",
    enterSends: "Enter 发送，Shift+Enter 换行", charactersLeft: "还可输入 {n} 个字", tooLong: "超出 {n} 个字",
    canned: "常用回复", cannedFilter: "查找常用回复", cannedNone: "没有匹配的常用回复。", cannedEmpty: "还没有常用回复，可在管理后台添加。",
    customerHere: "在线", customerGone: "暂时不在", waitsForAgent: "等待客服接入", isWith: "由 {name} 接待",
    onlyNotes: "此会话由其他客服接待，您可以留下备注。", onlyNotesWaiting: "接入后才能回复，接入前可以留下备注。",
    isClosed: "此会话已结束。", rated: "评分 {n}/5", ending: "即将执行，您仍可撤销。",
    closing: "正在结束与 {name} 的会话。", transferring: "正在将 {name} 转接给 {to}。", didNotWork: "{what}操作未成功：{why}",
    transferOf: "转接 {name}", agents: "客服", nobodyElse: "没有其他客服。", transferNote: "给对方的备注", transferNoteHint: "对方需要了解的情况，客户看不到",
    sessionsOf: "会话 {n}/{most}", waitsNow: "{name} 正在排队", isYours: "{name} 已分配给您。", wasGivenYou: "{name} 已转接给您。", handedBy: "{from} 转接给 {to}：{note}",
    channel: "渠道", language: "语言", localTime: "当地时间", email: "邮箱", since: "首次来访", details: "详细信息",
    earlierSessions: "其他会话", noEarlier: "没有其他会话。", isBlocked: "已拉黑，无法再发送消息。",
    blockCustomer: "拉黑此客户", blockHint: "客户将无法再发送消息，进行中的会话会结束。", blockReason: "原因（其他客服可见）", block: "拉黑", unblock: "取消拉黑",
    figures: "数据", ownFigures: "我的数据", howLong: "统计天数", days7: "7 天", days30: "30 天", noFigures: "这段时间没有会话。",
    firstAnswer: "首次回复（中位数）", length: "时长（平均）", rating: "评分", sessionsPerDay: "每日会话数", firstAnswerPerDay: "每日首次回复时间（中位数）",
    sessionsPerAgent: "各客服会话数", medianHint: "每日数值为各客服中位数按会话数加权的平均值。", asTable: "以表格显示", day: "日期",
    help: "快捷键", keysWhen: "不在输入时有效，可在“提醒”中关闭。", keysSend: "输入时：Enter 发送，Shift+Enter 换行，Esc 离开输入框。",
    keyNext: "下一个会话", keyPrevious: "上一个会话", keyOpen: "打开", keyAnswer: "回复", keyNote: "写备注", keyClaim: "接入", keyTransfer: "转接", keyClose: "结束会话",
    keyUndo: "撤销转接或结束", keyCanned: "常用回复", keyFill: "填入常用回复的下一个占位符", keyStatus: "我的状态", keyHelp: "本说明", keyBack: "返回",
  },
};

/** @typedef {keyof typeof WORDS.en} Key */
/** @typedef {(key: Key, values?: Record<string, string | number>) => string} Say */

/**
 * Who says these words in a language.
 *
 * @param {"en" | "zh-hans"} lang
 * @returns {Say}
 */
export function speaker(lang) {
  const words = WORDS[lang];
  // One pass, so that what stands in a name is never taken for a placeholder.
  return (key, values = {}) => words[key].replaceAll(/\{(\w+)\}/g, (_all, name) => String(values[name] ?? ""));
}

// What comparisons say in sentences (tracker/compare/render.py and reasons.py), in Chinese. The server
// says it in English; `{name}` stands for what it fills in, and `(s)` for a plural.

import { currentLanguage } from "../i18n.js";

const SENTENCES = {
  // summaries
  "the same": "相同",
  "the same ({n})": "相同（{n} 项）",
  "the same, started in another way": "相同，但启动方式不同",
  none: "没有",
  differs: "不同",
  "likely, the likeliest first": "可能的原因，最可能的在前",
  "{n} differ, {m} do not": "{n} 项不同，{m} 项相同",
  "{n} differ, {m} do not; the histories part at step {step}": "{n} 项不同，{m} 项相同；从第 {step} 步开始分开",
  "{n} of {m} differ": "{m} 个里有 {n} 个不同",
  "{commits}: {n} file(s), +{added} -{removed} lines": "{commits}：{n} 个文件，+{added} -{removed} 行",
  "{n} value(s)": "{n} 项",
  "{n} artifact(s)": "{n} 个 artifact",
  "{n} fact(s)": "{n} 项",
  "{n} package(s)": "{n} 个软件包",
  "the packages of one of the runs are not known": "其中一个运行的软件包未知",
  "{counts}, {n} the same": "{counts}，{n} 个相同",
  "of {n} more files are not shown": "还有 {n} 个文件没有显示",
  "the same values, written in another way": "值相同，只是写法不同",
  "+{added} -{removed} lines": "+{added} -{removed} 行",
  "{old} -> {now} rows": "{old} -> {now} 行",
  "{n} column(s)": "{n} 列",
  "{n} tensor(s), {m} the same": "{n} 个张量不同，{m} 个相同",
  "The patch is too large to be shown: {command}": "补丁太大，无法显示：{command}",
  "{commits}: the code of one of the runs was not recorded": "{commits}：其中一个运行没有记录代码",
  "{commits}: there is no git repository here": "{commits}：这里没有 git 仓库",
  "{commits}: commit {name} is not in this repository": "{commits}：这个仓库里没有提交 {name}",
  binary: "二进制文件",
  "too large to be compared line by line": "太大，无法逐行比较",
  "only the first {n} changed files are opened": "只打开前 {n} 个变化的文件",
  // reasons
  "nothing that is recorded differs": "记录下来的内容没有差异",
  "the newer run did not end like the older one: {old} then, {now} now": "较新的运行结束方式不同：当时 {old}，现在 {now}",
  "the code is not the same: {old} then, {now} now": "代码不同：当时 {old}，现在 {now}",
  "the command is not the same: {old} then, {now} now": "命令不同：当时 {old}，现在 {now}",
  "the configuration is not the same: {keys}": "参数不同：{keys}",
  "the input {name} is not the same: {old} then, {now} now": "输入 {name} 不同：当时 {old}，现在 {now}",
  "the seed of {name} was not set alike: its generator ended in another state": "{name} 的随机种子设置不同：随机数生成器结束时的状态不一样",
  "the seed of {name} was not set: it was {old} then and {now} now": "没有设置 {name} 的随机种子：当时是 {old}，现在是 {now}",
  "the seed of {name} was not set {when}: it was {old} then and {now} now": "{when}没有设置 {name} 的随机种子：当时是 {old}，现在是 {now}",
  "the seed of {name} is not the same: {old} then, {now} now": "{name} 的随机种子不同：当时 {old}，现在 {now}",
  "packages are not the same: {names}": "软件包不同：{names}",
  "Python is not the same: {old} then, {now} now": "Python 版本不同：当时 {old}，现在 {now}",
  "the variable {name} is not the same: {old} then, {now} now": "环境变量 {name} 不同：当时 {old}，现在 {now}",
  "the {what} is not the same: {old} then, {now} now": "{what}不同：当时 {old}，现在 {now}",
  "torch did not use the same {what}: {old} then, {now} now": "torch 使用的{what}不同：当时 {old}，现在 {now}",
  "torch was allowed to use operations that are not deterministic": "torch 可以使用结果不确定的运算",
  "cuDNN chose its algorithms by timing them": "cuDNN 按测速结果选择了算法",
  "files were left out of the recorded code {when}: {names}": "{when}记录的代码没有包含这些文件：{names}",
  "the older run has several sessions, not all of the same code and command": "较早的运行分几段完成，各段的代码或命令不完全相同",
  "what differs looks like measured time: {names}": "不同的看起来是测得的时间：{names}",
};

// What stands in the places of sentences: words of ours are translated, values stay.
const WORDS = {
  then: "当时", now: "现在", none: "没有", unknown: "未知", GPU: "显卡", CPU: "处理器", system: "系统",
  "driver of the GPU": "显卡驱动", threads: "线程数", "precision of float32": "float32 精度",
  "Python's random": "Python 的 random", "torch on the GPU": "GPU 上的 torch",
};

const PATTERNS = Object.entries(SENTENCES).map(([english, chinese]) => [pattern(english), chinese]);

function pattern(english) {
  const escaped = english.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replaceAll("\\(s\\)", "s?");
  return new RegExp(`^${escaped.replace(/\{(\w+)\}/g, "(?<$1>.+?)")}(?: \\((?<hint>.+)\\))?$`, "s");
}

function translated(text) {
  for (const [english, chinese] of PATTERNS) {
    const found = english.exec(text);
    if (!found) continue;
    const said = chinese.replace(/\{(\w+)\}/g, (_, name) => WORDS[found.groups[name]] ?? found.groups[name]);
    return found.groups.hint ? `${said}（${found.groups.hint}）` : said;
  }
  return null;
}

/** Returns a sentence of a comparison in the language of the page; one that is not known stays as it is. */
export function said(text) {
  if (currentLanguage() === "en") return text;
  const whole = translated(text);
  if (whole !== null) return whole;
  const parts = text.split(", ").map(translated);
  return parts.includes(null) ? text : parts.join("，");
}

/**
 * 页面的中文词句，键与英文模块相同。句子里不写数字：数字由页面算出来再填进去。
 * @module
 */
import type { Words } from "./en.ts";
import { experimenting } from "./zh-experiments.ts";
import { looking, storing, writing } from "./zh-later.ts";
import { choosing, remembering } from "./zh-scenes.ts";

const frame = {
  title: "GLM-5.2 探索器",
  skip: "跳到索引器",
  scenes: "场景",
  examples: "文本",
  ownText: "你自己的文本",
  exampleNames: {
    long: "很远处的暗语",
    short: "不远处的暗语",
    plain: "一个故事的开头",
    six: "六个暗语",
  },
  themes: { system: "跟随系统", light: "浅色", dark: "深色" },
  help: "按键与帮助",
  footer:
    "所有数字都来自引擎 glm52.ts（本仓库里的参考实现）和用它训练的一个小模型。你输入的内容不会离开本页：页面的安全策略不允许任何外部连接。",
  annotated: "模型的全部源码与讲解",
  unread: (parts: string) => `链接中有本页不认识的部分：${parts}。其余部分已照办。`,

  wantsOther: "选定的文本还没有读。请按“在这里运行”；在那之前显示的是录制的文本。",

  asTable: "看表格",
  hideTable: "收起表格",
  copy: "复制数字",
  copied: "已复制",
  copyRefused: "浏览器不允许复制",
  tableOf: (figure: string) => `数据表：${figure}`,
  rowsShown: (shown: string, all: string) => `${all} 行中的前 ${shown} 行`,
  moreRows: "再看 20 行",
  allRows: "全部",
  notInFile: "文件里没有这张图需要的阶段。",
  needsEngine: "这张图需要引擎。请按页面上方的“在这里运行”：模型只下载一次，在你的浏览器里运行。",
  recorded: "预先录制",
  live: "实时",
  fromFile: (name: string) => `来自文件 ${name}`,
  originHelp: {
    recorded: "这些数字是构建页面时由引擎算出来的。",
    live: "这些数字是引擎刚刚在你的浏览器里算出来的。",
    file: "这些数字来自你打开的追踪文件。",
  },

  theText: "文本",
  tokensLeftOut: (n: string) => `${n} 个词元`,
  position: (n: string) => `位置 ${n}`,
  marks: {
    chosen: "索引器选中",
    borrowed: "借用出借层的选择",
    lost: "稠密注意力想要、却没有选中",
    query: "查询：正在回看的词元",
    row: "你指着的位置",
  },
  layer: (l: number) => `第 ${l} 层`,
  layersLabel: "各层",
  full: "完整",
  borrows: (l: number) => `← ${l}`,
  lookingAt: (t: string) => `查询是位置 ${t} 上的词元：`,
  before: "前一个",
  after: "后一个",
  asideOf: (name: string) => `公式与源码：${name}`,
  formula: "公式",
  lines: (from: number, to: number) => `第 ${from}–${to} 行`,
  sourceOf: (file: string) => `源码：${file}`,
  inModel: "MODEL.md 中的公式与常见错误（英文）",
  layerMap: {
    label: "各层一览",
    dense: "稠密",
    sparse: "专家",
    lends: (l: number) => `第 ${l} 层的选择`,
  },
  engineLine: {
    run: "在这里运行",
    again: "再试一次",
    stop: "停止",
    readAgain: "读这篇文本",
    opening: "正在下载模型",
    reading: "正在读文本",
    of: (done: string, total: string) => `${done} / ${total}`,
    live: (ran: string, seconds: string) => `实时 · ${seconds} 秒读了 ${ran} 个词元`,
  },
  guide: {
    start: "导览路线",
    label: "导览路线",
    step: (at: number, of: number) => `第 ${at} 步，共 ${of} 步`,
    next: (name: string) => `下一步：${name}`,
    end: "这是最后一步。",
    close: "离开导览路线",
  },
  helpText: {
    heading: "按键与帮助",
    keys: [
      ["Tab", "到下一张图：每张带位置的图只停一次"],
      ["← →", "位置移动一格"],
      ["Home End", "第一个和最后一个位置"],
      ["PageUp PageDown", "下一个和上一个选中的位置"],
      ["?", "打开本帮助"],
    ] as readonly (readonly [string, string])[],
    about: [
      "点一个词，就指着它的位置；连点两下，它就成为查询。",
      "每张图都注明数字是预先录制的、实时的还是来自文件。录制的数字由同一个引擎在构建页面时算出。",
      "Logit 透镜只是一件仪器，不是模型的“信念”。注意力权重只说明权重落在哪里，不说明为什么。",
    ],
    close: "关闭",
  },
  names: {
    remember: "它记得",
    tokens: "从文本到词元",
    layers: "各层",
    choose: "索引器",
    dense: "假如是稠密注意力",
    share: "谁借谁的",
    latent: "潜变量",
    experts: "专家",
    pages: "页",
    guesses: "猜测",
    next: "下一个词元",
    whatif: "假如出错",
    trace: "你的追踪文件",
  },
  headings: {
    remember: "它记得",
    tokens: "文本变成词元",
    layers: "各层，以及它们算出什么",
    choose: "索引器在选择",
    dense: "假如是稠密注意力，会怎样",
    share: "谁借谁的选择",
    latent: "一个潜变量，代替许多头",
    experts: "路由器和它的专家",
    pages: "页、分叉与冷行",
    guesses: "提前猜测",
    next: "下一个词元",
    whatif: "假如它出错了？",
    trace: "你自己的追踪文件",
  },
};

/** 全部中文词句。 */
export const zh: Words = {
  ...frame,
  ...remembering,
  ...choosing,
  ...looking,
  ...storing,
  ...writing,
  ...experimenting,
};

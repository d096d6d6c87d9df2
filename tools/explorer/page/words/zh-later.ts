/**
 * 场景 4 到 10 的中文词句。
 * @module
 */

/** 场景 4、5、6。 */
export const looking = {
  dense: {
    lead: "这里是同一个注意力，但看所有位置，好像没有做过选择。它的权重显示：它想要的有多少落在选择之内，选择又漏掉了什么。",
    question: (lender: number) =>
      `注意力有多少落在第 ${lender} 层的选择上？在使用这个选择的各层里，哪一层最少？`,
    answer: (list: string, least: number, lender: number) =>
      `${list}（各头平均，针对这个查询）。最少的是第 ${least} 层。` +
      (least === lender
        ? "所以在这里，借用者并不比出借者更吃亏。"
        : `第 ${least} 层有自己的查询，读的却是第 ${lender} 层看过的地方：离出借层越远，想要的东西就可能越不同。`),
    figure: "对所有位置的注意力权重，以及选择",
    heads: "头",
    allHeads: "各头平均",
    head: (h: number) => `头 ${h}`,
    strip: (l: number) => `第 ${l} 层稠密注意力的权重：用方向键移动`,
    most: (p: string) => `最高的柱子：${p}`,
    row: (
      row: Readonly<Record<"position" | "word" | "weight", string>> & {
        readonly isChosen: boolean;
      },
    ) =>
      `位置 ${row.position}，“${row.word}”：占权重的 ${row.weight}，${row.isChosen ? "选中" : "未选中"}。`,
    kept: (kept: string, best: string, k: string) =>
      `权重的 ${kept} 落在选择之内。所有位置中最好的 ${k} 个能占 ${best}。`,
    columns: (heads: number) => [
      "位置",
      "选中",
      ...Array.from({ length: heads }, (_, h) => `头 ${h}`),
    ],
    mass: "各层稠密注意力落在选择上的部分",
    massColumns: ["层", "平均", "最少的头", "最多的头"],
    massCaption:
      "各头平均，针对这个查询。有些头几乎什么都看；对它们来说，任何选择都装不下多少。权重只说明注意力落在哪里，不说明为什么。",
    meanAndLeast: (mean: string, least: string) => `${mean} · 最少的头 ${least}`,
  },
  share: {
    lead: "只有一部分层给位置排名。其余的是共享层，没有索引器：它们用自己的查询，去读上一个排名层看过的地方。",
    question: (l: number) => `第 ${l} 层没有索引器。它读谁选的行？如果它自己来选，会出什么问题？`,
    answer: (lender: number) =>
      `它读第 ${lender} 层选中的行，训练时就是这样。请在“假如出错”里按“不共享”：每个共享层用自己的向量去跑出借层的索引器。`,
    withoutSharing: (changed: string, right: string, of: string) =>
      `这时 ${of} 个暗语中记住 ${changed} 个，共享时是 ${right} 个。`,
    figure: (word: string) => `“${word}”的位置在各层中`,
    columns: ["层", "出借层", "在出借层的得分", "名次", "选中", "平均权重", "最大权重"],
    caption: (row: {
      readonly word: string;
      readonly position: string;
      readonly layers: readonly number[];
      readonly most: { readonly layer: number; readonly weight: string } | undefined;
    }) =>
      row.layers.length === 0
        ? `对这个查询，没有一层读位置 ${row.position}“${row.word}”。`
        : `位置 ${row.position}“${row.word}”被第 ${row.layers.join("、")} 层读到。${row.most ? `第 ${row.most.layer} 层给得最多：注意力的 ${row.most.weight}。` : ""}`,
    rank: (rank: string) => `排${rank} 名`,
    rankIn: (rank: string, lender: number) => `第 ${lender} 层中${rank} 名`,
    weight: (p: string) => `以 ${p} 读它`,
    isRead: "读它",
    notRead: "不读它",
    pick: "点一层，在文本中看它的选择；点一个词，跟踪那个位置。",
    overlap: "两层的选择共有的位置",
    overlapColumns: ["层", "层", "这个查询的共有数", "全文的比例"],
    before: (list: string) => `前一个词元也选中的：${list}。`,
  },
  latent: {
    lead: "普通的注意力为每个头保存一个键和一个值。这里只保存一个短向量，即潜变量，和一个带位置的旋转键，由所有头共用。",
    question: "每个位置保存哪些数？占多少字节？什么从来不会算出来？",
    answer: (
      ours: Readonly<Record<"kept" | "never" | "bytes", string>>,
      released: Readonly<Record<"kept" | "never" | "bytes", string>>,
      name: string,
    ) =>
      `每层保存潜变量和旋转键：这里是 ${ours.kept} 个数，${name} 是 ${released.kept} 个。加上索引器的键，以 bf16 计，这里每个位置 ${ours.bytes}，${name} 是 ${released.bytes}。各头的键和值从来不会算出来：这里每层 ${ours.never} 个数，${name} 是 ${released.never} 个。`,
    figure: "这个词元保存了什么",
    columns: ["数", "值"],
    caption: (l: number, latent: number, rotary: number) =>
      `第 ${l} 层为这个词元保存 ${latent} + ${rotary} 个数。蓝色为正，橙色为负；颜色越浓，数越大。`,
    kept: "潜变量",
    rotary: "带位置的旋转键",
    never: (n: string, heads: string) => `从不算出：${n} 个数，即 ${heads} 个头的键和值`,
    bytes: "缓存的字节数，每个数两个字节",
    bytesColumns: ["内容", "字节"],
    bytesCaption: (n: string, times: string) =>
      `按 ${n} 个位置计。各头的键和值会占潜变量 ${times} 倍的字节。`,
    headsBytes: "各头的键和值",
    latentBytes: "潜变量和旋转键",
    indexBytes: "索引器的键",
    thisText: (n: string) => `这篇文本：${n}`,
    million: (n: string) => `${n} 个位置`,
  },
};

/** 场景 7 和 8。 */
export const storing = {
  experts: {
    lead: (all: string, k: string) =>
      `注意力之后，路由器从 ${all} 个小网络（专家）里为词元挑出 ${k} 个。偏置帮着挑选，好让所有专家都有活干，但它不计入权重。`,
    plainLead:
      "注意力之后，路由器从许多小网络（专家）里为词元挑出几个。偏置帮着挑选，好让所有专家都有活干，但它不计入权重。",
    question: (rank: string | undefined) =>
      `一个专家的得分只排${rank === undefined ? "在后面" : rank}，却被选中了。为什么？偏置会改变它的权重吗？`,
    answer: (promoted: string) =>
      (promoted === ""
        ? "偏置在选择之前加上，所以能让一个专家超过别的专家。对这个词元它没有改变结果；请试试前一个词元，或换一层。"
        : `偏置在选择之前加上。对这个词元，它让 ${promoted} 入选（括号里是单看得分的名次）。`) +
      "它从不改变权重：权重由不带偏置的得分算出。",
    isDense: (l: number, sparse: number) =>
      `第 ${l} 层是稠密层，没有路由器。这里显示第 ${sparse} 层。`,
    figure: "各专家对这个词元的得分和偏置",
    columns: ["专家", "logit", "得分", "偏置", "选中", "权重"],
    caption: (word: string, l: number) =>
      `第 ${l} 层的路由器对“${word}”的打分，按得分加偏置排序。蓝色是选中的，柱子上的框是偏置。`,
    howTo: "点一个专家，看文本里哪些词元访问它。",
    expert: (e: number) => `专家 ${e}`,
    weighs: (w: string) => `权重 ${w}`,
    visited: (e: number, l: number) => `哪些词元访问第 ${l} 层的专家 ${e}`,
    visitColumns: ["词元", "访问", "出现"],
    visitedCaption: (n: string, of: string) =>
      `全文 ${of} 个词元中有 ${n} 个访问它。列出的是最能说明问题的词元；没有人告诉过这个专家该管什么。`,
    of: (visits: string, of: string) => `${visits} / ${of}`,
  },
  pages: {
    lead: (rows: string | undefined) =>
      `文本留下的东西存放在页里${rows === undefined ? "" : `，每页 ${rows} 个位置`}。开头相同的两篇文本共用这些页，暂时不用的页可以放在内存之外。`,
    question: "第二篇文本只有结尾不同。它要花多少代价？",
    answer: (ran: string, pages: string, bytes: string) =>
      `只为它运行了 ${ran} 个词元。共用 ${pages} 页，省下 ${bytes}。`,
    figure: "这篇文本和第二篇文本的页",
    columns: ["文本", "页", "从", "到", "使用者", "冷"],
    caption: (pages: string, bytes: string) => `共引用 ${pages} 页，占用 ${bytes}。`,
    text: "这篇文本",
    fork: "结尾不同的第二篇文本",
    shared: "两篇共用",
    own: "独有",
    cold: "行在内存之外",
    page: (page: number, from: string, to: string) => `第 ${page} 页：位置 ${from} 到 ${to}`,
    differs: (at: string, ran: string) =>
      `第二篇文本从位置 ${at} 开始不同。为它运行了 ${ran} 个词元；其余的已经有了。`,
    tier: (hits: string, misses: string, bytes: string) =>
      `内存尽量少时，最后一个词元在内存里找到 ${hits} 行，另取来 ${misses} 行，共 ${bytes}。`,
    edit: "第二篇文本的结尾",
    run: "运行第二篇文本",
    tight: "内存尽量少",
    onlyLive: "这需要引擎。",
  },
};

/** 场景 9 和 10。 */
export const writing = {
  guesses: {
    lead: "另有一层专门猜后面的词元，模型用一步检查所有猜测。模型自己也会这么写的猜测就留下；遇到第一个不同的，就换上模型自己的词元。",
    question: "一个猜测被拒绝了。文本里写的是什么？代价是什么？",
    answer: (round: {
      readonly round: number;
      readonly guess: string;
      readonly by: string;
      readonly kept: number;
      readonly tokens: number;
    }) =>
      `第 ${round.round} 轮里，“${round.guess}”被拒绝，文本里写的是“${round.by}”：模型本来就会写的词元。` +
      `它之前有 ${round.kept} 个猜测留下，所以这一轮用模型的一步得到 ${round.tokens} 个词元。被拒绝的猜测只花了猜和检查的时间。`,
    noRefusal:
      "这里没有猜测被拒绝。被拒绝的猜测会换成模型本来就会写的词元，所以只费时间，不改变文本。",
    figure: "文本之后的几轮猜测",
    columns: ["轮", "猜测", "概率（猜测层）", "概率（模型）", "结果", "换成"],
    caption: (steps: string, tokens: string, rounds: string) =>
      `每轮 ${steps} 个猜测：模型用 ${rounds} 步得到 ${tokens} 个词元。文本与不猜测时相同。`,
    guessed: (p: string) => `猜测 ${p}`,
    model: (p: string) => `模型 ${p}`,
    first: "模型自己先写：",
    fates: { kept: "留下", replaced: "被替换", unread: "没有看" },
    gives: "得到",
  },
  next: {
    lead: "最后一层之后，词表里每个词元都有一个概率。对前面的层也可以这样问：这能看出答案是什么时候出现的。",
    question: (word: string) => `经过哪一层之后，“${word}”成为最可能的下一个词元？`,
    answer: (word: string, l: number, p: string) => `“${word}”在第 ${l} 层之后排第一，概率 ${p}。`,
    figure: "最可能的下一个词元",
    columns: ["编号", "词元", "概率"],
    caption: (word: string, p: string) => `最可能的是“${word}”，概率 ${p}。`,
    temperature: (x: string) => `温度 ${x}`,
    topP: (x: string) => `top-p ${x}`,
    howTo: "点一个词元，看它在各层之后的名次。",
    lens: (word: string) => `Logit 透镜：每层之后的“${word}”`,
    lensColumns: ["层", "名次", "概率", "这层之后最可能的"],
    lensCaption:
      "透镜把最后的归一化和输出头接在每一层后面。它只是仪器，不是“信念”：最后一层之前的各层并没有为这样读取而训练。",
    lensRow: (rank: string, p: string, top: string) => `${rank} 名，${p} · 第一：${top}`,
    write: "接着写",
    onlyLive: "这需要引擎。",
    atEnd: "从文本的末尾接着写。",
  },
};

/**
 * 场景 11 和 12 的中文词句。
 * @module
 */

/** 场景 11 和 12。 */
export const experimenting = {
  whatif: {
    lead: "每个开关都把一个错误放进本页的引擎。它们大多是公开的引擎犯过的，而且大多在短文本里看不出来。",
    question: "说出一个改变了某个阶段、却没有改变文本的开关。为什么只有导出各阶段才能发现它？",
    pressFirst: "请按一个开关，最多可以同时按两个。",
    answer: (names: string, tokens: string) =>
      `在图中的例文上：${names}。阶段不同，而后面的 ${tokens} 个词元相同。只比较文本的人看不到错误，比较各阶段的人一眼就看到。`,
    answerNone: (tokens: string) =>
      `在图中的例文上，每个开关都改变了后面 ${tokens} 个词元中的一个。请在更短的文本上试试：那里大多数开关只改变阶段。`,
    unknown: (ids: string) => `链接按下了本页没有的开关：${ids}。`,
    groups: {
      choose: "换一种选择",
      indexer: "错误的索引器",
      sharing: "错误的共享",
      experts: "错误的专家",
    },
    none: "松开所有开关",
    switches: {
      recent: {
        name: "最近的",
        what: "每层读最后的位置，而不是最好的位置。请比较它在文本上多出的损失，和它还记得几个暗语。",
      },
      first: { name: "最前的", what: "每层读文本最前面的位置。" },
      dense: {
        name: "稠密",
        what: "选中所有位置。有些移植用它绕过问题，它会掩盖索引器的一切错误。",
      },
      g14: {
        name: "索引器按半旋转",
        what: "索引器像旧模型那样，把相隔半个宽度的两个通道配对，而不是相邻的两个。距离越远，错误越大。",
      },
      g15: { name: "旋转通道在后", what: "索引器的旋转通道取自向量末尾，而不是开头。" },
      g16: { name: "归一化之前的查询", what: "索引器读的是归一化之前的查询向量。" },
      relu: { name: "没有 ReLU", what: "各头的票不经 ReLU 直接相加，所有头合起来就等于一个头。" },
      g28: { name: "权重丢了符号", what: "索引器的头不再能投反对票。" },
      g03: { name: "旋转基数 10,000", what: "没有从配置里找到旋转基数。近处是对的，远处是错的。" },
      noshare: {
        name: "不共享",
        what: "每个共享层用自己的向量跑出借层的索引器，而不是读出借层的选择。",
      },
      g04: { name: "层序差一", what: "排名的层错了一层。" },
      g22: { name: "借用者看全部", what: "共享层关注所有位置。" },
      "g36-scale": { name: "专家不缩放", what: "专家之和没有乘上它的系数。" },
      "g36-bias": { name: "没有偏置", what: "选择专家时不加偏置。" },
      g39: { name: "gate 与 up 互换", what: "每个专家的两个矩阵互换了。" },
    } as Readonly<Record<string, { readonly name: string; readonly what: string }>>,
    begins: (stage: string) => `它最早能改变的阶段是 ${stage}。`,
    seen: (bug: string) => `${bug} 出现在哪里`,
    figure: "这个开关改变了什么",
    caption: (tokens: string, example: string | undefined) =>
      example === undefined
        ? `在本页的文本上试验，${tokens} 个词元。`
        : `本页的文本太长，所以在例文“${example}”上试验，${tokens} 个词元。`,
    computing: (share: string) => `改过的模型正在读文本…… ${share}`,
    columns: ["内容", "值"],
    rows: {
      stage: "第一个不同的阶段",
      stageAt: "它的第一个位置",
      tokenAt: "第一个不同的词元",
      none: "没有",
      logP: "文本的平均 log p",
      changedLogP: "按下开关后",
      meanLogP: "平均 |Δ log p|",
      recall: "答对的问题",
      changedRecall: "按下开关后",
    },
    all: (of: string) => `逐个开关：${of} 个暗语中记住几个`,
    allColumns: ["开关", "第一个阶段", "第一个词元", "平均 |Δ log p|", "记住", "共"],
    allCaption: (tokens: string) =>
      `在 ${tokens} 个词元的故事里，六个人各说了一个暗语。即使文本没有变化，也能从第一个不同的阶段发现错误。`,
    remembers: (n: string, loss: string, isSame: boolean) =>
      `${n} 个 · 损失 ${loss.startsWith("−") ? "" : "+"}${loss}${isSame ? " · 文本相同" : ""}`,
    named: (name: string) => `${name}：`,
    firstStage: "第一个不同的阶段",
    atPosition: (s: string) => `在位置 ${s}`,
    short: (k: string) => `没有：文本不超过 ${k} 个词元，所有位置都会选中`,
    noStage: "没有：每一位都相同",
    firstToken: "第一个不同的词元",
    sameText: (n: string) => `后面 ${n} 个里没有：这也是一个结果`,
    tokenAt: (rank: string) => `后面的${rank} 个`,
    loss: "文本上的损失",
    lossOf: (changed: string, right: string) =>
      `按下后每个词元 ${changed} nat，不按时 ${right} nat`,
    distance: "文本自身对数概率的变化",
    nats: (x: string) => `平均每个词元 ${x} nat`,
    recall: "记住的暗语",
    recallOf: (right: string, changed: string, of: string) =>
      `按下后 ${of} 个中 ${changed} 个，不按时 ${right} 个（在藏有暗语的例文里）`,
    right: "模型写",
    changed: "按下开关后写",
  },
  trace: {
    lead: "本页的图也可以从文件画出来。下面的命令写出一篇文本的全部阶段，小模型可以，GLM-5.2 本身也可以。",
    drop: "把追踪文件拖到这里，或选择一个",
    stays: "文件只在本页读取，不会发往任何地方。几个 GB 的文件也能打开，因为只读需要的部分。",
    figure: (name: string) => `${name} 的各阶段`,
    columns: ["名称", "阶段", "层"],
    caption: (tokens: string, layers: string, stages: string) =>
      `${tokens} 个词元，${layers} 层，${stages} 个阶段。`,
    opened: (name: string) => `现在所有场景都显示 ${name}。`,
    lacks: (stages: string) => `要画其余的图，新的追踪文件还需要这些阶段：${stages}。`,
    look: "看它的选择",
    close: "回到文本",
  },
};

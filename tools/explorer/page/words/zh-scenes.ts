/**
 * 场景 0 到 3 的中文词句。
 * @module
 */
import type { Sizes } from "../../messages.ts";
import type { Numbers } from "../numbers.ts";

/** 场景 0 和 1。 */
export const remembering = {
  remember: {
    kicker: "一个与 GLM-5.2 同构的小模型，以及它的每一个数字",
    heading: (finds: number, reads: number) =>
      finds === reads
        ? `第 ${finds} 层找到那个词，也读出它。`
        : `第 ${finds} 层找到那个词，第 ${reads} 层读出它。`,
    plainHeading: "每一层对远处的一个词看到了什么？",
    lead: (tokens: string, word: string, back: string) =>
      `模型读了 ${tokens} 个词元的儿童故事。靠近开头的地方藏着一个暗语：“${word}”。` +
      `到了末尾，也就是 ${back} 个词元之后，才有人问起它，而每一层只能看少数几个位置。`,
    figure: "最后一个词元对所有位置的得分，以及暗语在每一层的名次",
    strip: (l: number) => `第 ${l} 层索引器对整篇文本的得分`,
    found: (l: number, rank: string, of: string) => `第 ${l} 层：${of} 个位置中${rank} 名`,
    bars: (k: string) => `每个位置的得分 · 蓝色是选中的 ${k} 个`,
    finding: (of: string) => `找到：它在 ${of} 个位置中的名次`,
    reading: (word: string) => `读出：“${word}”作为下一个词的名次`,
    columns: ["层", "类型", "得分", "名次", "阈值", "选中", "注意力", "作为下一个词的名次", "概率"],
    findsIt: (l: number, rank: string, of: string, isChosen: boolean) =>
      `第 ${l} 层给这个词的名次最好：${of} 个位置中${rank} 名，${isChosen ? "选中了" : "没有选中"}它的位置。`,
    borrowing: (l: number, lender: number) =>
      `第 ${l} 层没有索引器：它读第 ${lender} 层选中的位置。`,
    readsIt: (l: number, rank: string, p: string) =>
      `经过第 ${l} 层之后，这个词在所有可能的下一个词中排${rank}，概率 ${p}。`,
    why: "稀疏注意力让模型用短文本的代价读长文本，前提是选对位置。本页展示位置怎样选出、还有谁在用这个选择，以及选错时会发生什么。",
    run: (bytes: string | undefined) =>
      `在你的浏览器里运行${bytes !== undefined ? `（${bytes}）` : ""}`,
    again: "本页的引擎刚刚重新算了一遍。",
    path: "导览路线，15 分钟 →",
  },
  tokens: {
    lead: (vocab: string | undefined) =>
      `模型不读字母。分词器先把文本切成片段，再把每个片段切成词元：经常连在一起的字节，取自一张${vocab === undefined ? "" : ` ${vocab} 项的`}词表。`,
    question: "为什么词元比字符少？",
    answer: (tokens: string, bytes: string) =>
      `这篇文本有 ${tokens} 个词元，平均每个词元装 ${bytes} 个字节。常见的词是一个词元，少见的词和其他文字会拆成好几个。`,
    figure: "文本的词元及其编号",
    caption: (tokens: string, bytes: string, split: string) =>
      `${tokens} 个词元，${bytes} 个字节，其中 ${split} 个词元停在一个字符中间。底色变化处是新片段的开头：没有词元会跨过去。`,
    columns: ["位置", "文本", "编号", "字节"],
    more: (n: string) => `另有 ${n} 个，见表格`,
    own: "你自己的文本",
    placeholder: "Once upon a time, there was a little …",
    read: "读这段文本",
    start: "下载模型并读这段文本",
    stays: "文本不会离开本页。",
    onlyEnglish: "分词器能处理任何文字。但这个小模型只读过英文故事，对别的文本无话可说。",
    tooLong: (length: string, most: string) =>
      `文本有 ${length} 个字符，本页最多读 ${most} 个；请截取其中一部分。`,
  },
};

/** 场景 2 和 3。 */
export const choosing = {
  layers: {
    lead: (layers: string, full: string) =>
      `模型有 ${layers} 层，每层都往词元的向量里加一点东西。其中 ${full} 层有索引器，负责选出要读的过去位置；其余各层是共享层，借用别层的选择。`,
    question: "一个词元用到模型的哪些部分？",
    answer: (sizes: Sizes, n: Numbers) =>
      `在带专家的层里，一个词元访问 ${n.count(sizes.experts)} 个专家中的 ${n.count(sizes.expertsPerToken)} 个，外加一个所有词元都访问的专家。` +
      `它用 ${n.count(sizes.heads)} 个头，最多关注 ${n.count(sizes.indexTopk)} 个位置。`,
    figure: "模型的各层，以及其中一层的各个阶段",
    stages: "这一层的阶段，按先后顺序",
    caption: (l: number, n: number) =>
      `第 ${l} 层算出 ${n} 个可以观察的值。请点一层，或点一个阶段。`,
    columns: ["阶段", "形状", "均方根", "最小", "最大"],
    glance: (rms: string, least: string, most: string) => `均方根 ${rms}，从 ${least} 到 ${most}`,
    notes: {
      attn_norm: "注意力读入的向量",
      qr: "所有查询都由这个小向量得出",
      q_nope: "查询中不带位置的部分",
      q_pe: "查询中旋转过的部分",
      kv_cmpr: "潜变量：存入缓存",
      k_pe: "旋转过的键：存入缓存",
      indexer_q: "索引器的查询",
      indexer_k: "索引器的键：存入它自己的缓存",
      indexer_weights: "索引器每个头的分量",
      indexer_score: "每个过去位置一个得分",
      top_k: "要读的位置",
      q_nope_absorbed: "移到潜变量空间里的查询",
      attn_out: "注意力加上的部分",
      ffn_inp: "注意力之后的向量",
      ffn_norm: "专家读入的向量",
      ffn_moe_logits: "路由器对这个词元的打分",
      ffn_moe_topk: "选中的专家",
      ffn_moe_weights: "每个专家的权重",
      ffn_moe_out: "选中专家之和",
      ffn_shexp: "所有词元都访问的专家",
      ffn_out: "前馈块加上的部分",
      l_out: "这一层之后的向量",
    } as Readonly<Record<string, string>>,
  },
  choose: {
    lead: (k: string) =>
      `对每个词元，索引器给每个过去的位置打一个分，注意力只读得分最高的 ${k} 个。得分是各头投票之和，只用来排名，此后不再使用。`,
    question: "为什么在六十个词元的文本里，索引器的任何错误都看不出来？",
    answer: (k: string) =>
      `因为每层可以读 ${k} 个位置。只要文本不比这更长，不管得分是多少，所有位置都会被选中。在那之前，错的索引器和对的索引器写出一样的文本。`,
    isShared: (l: number, lender: number) =>
      `第 ${l} 层没有索引器，它读第 ${lender} 层选中的位置；下面是第 ${lender} 层的得分。`,
    figure: "所有位置的得分，以及文本中选中的位置",
    strip: (l: number) => `第 ${l} 层的得分：用方向键在位置间移动`,
    threshold: (k: string, score: string) => `第 ${k} 高的得分：${score}`,
    range: (least: string, most: string) => `得分从 ${least} 到 ${most}`,
    row: (
      row: Readonly<Record<"position" | "word" | "score" | "rank" | "of", string>> & {
        readonly isChosen: boolean;
      },
    ) =>
      `位置 ${row.position}，“${row.word}”：得分 ${row.score}，${row.of} 个中${row.rank} 名，${row.isChosen ? "选中" : "未选中"}。`,
    howTo: "请指着柱子，或用方向键。",
    columns: ["名次", "位置", "得分", "选中"],
    slider: (k: string) => `假如选 ${k} 个？`,
    backTo: (k: string) => `回到 ${k}`,
    allChosen: (n: string, k: string) =>
      `全部 ${n} 个位置都被选中，因为可以选 ${k} 个：这里索引器什么也改变不了。`,
    votes: (word: string) => `索引器各头给“${word || "⏎"}”投的票`,
    votesCaption: (sum: string, on: number, against: number, silent: number) =>
      `合计 ${sum}。${on} 个头赞成，${against} 个头反对，${silent} 个头沉默：它们与键的乘积为负，ReLU 把它变成 0。`,
    voteColumns: ["头", "票"],
    head: (h: number) => `头 ${h}`,
    silent: "沉默",
  },
};

"""Train the demo tokenizer: GLM-5.2's pipeline with a 2,048-row vocabulary, and encode the corpus."""

import json
import os
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from tokenizers import AddedToken, Regex

VOCAB_ROWS = 2048  # embedding rows
BASE_TOKENS = 2004  # 256 bytes + merges
SEPARATOR = "<|endoftext|>"

# The split pattern of GLM-5.2's tokenizer.json, verbatim.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# GLM-5.2's 36 added tokens in their order; only the first 18 carry `special: true`.
ADDED = (
    "<|endoftext|> [MASK] [gMASK] [sMASK] <sop> <eop> <|system|> <|user|> <|assistant|> <|observation|> "
    "<|begin_of_image|> <|end_of_image|> <|begin_of_video|> <|end_of_video|> <|begin_of_audio|> "
    "<|end_of_audio|> <|begin_of_transcription|> <|end_of_transcription|> "
    "<|code_prefix|> <|code_middle|> <|code_suffix|> <think> </think> <tool_call> </tool_call> "
    "<tool_response> </tool_response> <arg_key> </arg_key> <arg_value> </arg_value> /nothink "
    "<|begin_of_box|> <|end_of_box|> <|image|> <|video|>"
).split()
SPECIAL = ADDED[:18]
ID = {name: BASE_TOKENS + i for i, name in enumerate(ADDED)}


def data_dir() -> Path:
    """Folder that holds `corpus/`: $GLM52_DATA, else `../shared/data` beside the repository."""
    default = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
    return Path(os.environ.get("GLM52_DATA", default)).resolve()


def stories(split: str) -> list[str]:
    text = (data_dir() / "corpus" / "tinystories" / f"{split}.txt").read_text(encoding="utf-8")
    return [s for s in (part.strip() for part in text.split(SEPARATOR)) if s]


def pipeline(model: models.BPE) -> Tokenizer:
    tok = Tokenizer(model)
    tok.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=False),
        ]
    )
    tok.post_processor = processors.ByteLevel(add_prefix_space=True, trim_offsets=False, use_regex=True)
    tok.decoder = decoders.ByteLevel(add_prefix_space=True, trim_offsets=True, use_regex=True)
    return tok


def merges_from_ranks(vocab: dict[str, int]) -> list[tuple[str, str]]:
    """All splits of every token into two tokens, in the order of ids.

    GLM-5.2's own merge list is derived from its rank file in this way; it makes "merge the pair with
    the lowest merge index" and "merge the pair whose joined token has the lowest id" agree.
    """
    merges = []
    for token in sorted(vocab, key=vocab.__getitem__):
        cuts = [(token[:i], token[i:]) for i in range(1, len(token))]
        cuts = [(a, b) for a, b in cuts if a in vocab and b in vocab]
        merges += sorted(cuts, key=lambda ab: (vocab[ab[0]], vocab[ab[1]]))
    return merges


def train_tokenizer() -> Tokenizer:
    first = pipeline(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=BASE_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[],
        show_progress=False,
    )
    first.train_from_iterator(stories("train"), trainer)
    vocab = first.get_vocab()
    assert len(vocab) == BASE_TOKENS
    tok = pipeline(models.BPE(vocab=vocab, merges=merges_from_ranks(vocab), ignore_merges=True))
    for name in ADDED:
        token = AddedToken(
            name, single_word=False, lstrip=False, rstrip=False, normalized=False, special=name in SPECIAL
        )
        tok.add_special_tokens([token]) if name in SPECIAL else tok.add_tokens([token])
    for name, i in ID.items():
        assert tok.token_to_id(name) == i, name
    return tok


def write_tokenizer(folder: Path, max_length: int) -> None:
    """The contents of tokenizer.json and tokenizer_config.json, with the keys of GLM-5.2's files."""
    folder.mkdir(parents=True, exist_ok=True)
    train_tokenizer().save(str(folder / "tokenizer.json"))
    config = {
        "backend": "tokenizers",
        "clean_up_tokenization_spaces": False,
        "do_lower_case": False,
        "eos_token": SEPARATOR,
        "extra_special_tokens": SPECIAL,
        "is_local": True,
        "model_max_length": max_length,
        "model_specific_special_tokens": {},
        "pad_token": SEPARATOR,
        "padding_side": "left",
        "remove_space": False,
        "tokenizer_class": "TokenizersBackend",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def encode_corpus(folder: Path) -> None:
    """For each split, one uint16 array of `<|endoftext|> story <|endoftext|> story ...`, and the story starts."""
    tok = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for split in ("train", "valid"):
        texts = stories(split)
        encoded = [[ID[SEPARATOR]] + e.ids for e in tok.encode_batch(texts)]
        starts = np.cumsum([0] + [len(e) for e in encoded])
        ids = np.concatenate([np.array(e, dtype=np.uint16) for e in encoded])
        n_bytes = sum(len(t.encode()) for t in texts)
        for text, e in list(zip(texts, encoded))[:50]:
            assert tok.decode(e[1:], skip_special_tokens=False) == text
        np.savez(folder / f"{split}.npz", ids=ids, starts=starts, n_bytes=n_bytes)
        print(f"{split}: {len(texts)} stories, {len(ids)} tokens, {n_bytes / (len(ids) - len(texts)):.3f} bytes/token")

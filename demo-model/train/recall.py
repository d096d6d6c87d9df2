"""Makes training rows that can only be predicted by looking far back: facts that are asked for later, and
copies.

    The secret word of Mia is apple.                                     a fact, amid stories
    What is the secret word of Mia? The secret word of Mia is apple.     a question, any distance later

The question repeats the words of the fact, so one step of induction is enough to answer it. Every name and
every secret word is one token. They are drawn again for each row, so that nothing can be learned by heart.
"""

from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

FILLER, FIXED, VALUE, ANSWER = 1.0, 0.1, 0.0, 6.0  # weight of each token's loss


@dataclass
class Row:
    """A row: `weight[i]` is the loss weight of `ids[i]`, and `answers` are the positions of the answers."""

    ids: np.ndarray
    weight: np.ndarray
    answers: np.ndarray
    facts: np.ndarray  # for each answer, the position of the same word in its fact


class Recall:
    """Makes rows from a seed. `stories` is a stream of token ids that fills the gaps."""

    def __init__(self, tokenizer: Tokenizer, stories: np.ndarray, seed: int):
        self.rng = np.random.default_rng(seed)
        self.stories = stories
        vocab = tokenizer.get_vocab()
        plain = {piece[1:]: i for piece, i in vocab.items() if piece.startswith("Ġ") and piece[1:].isascii()}
        letters = {w: i for w, i in plain.items() if w.isalpha() and len(w) >= 3}
        self.names = np.array(sorted(i for w, i in letters.items() if w.istitle()))
        self.words = np.array(sorted(i for w, i in letters.items() if w.islower() and len(w) >= 4))
        encode = lambda text: tokenizer.encode(text).ids
        self.fact_head, self.is_, self.stop = encode("\nThe secret word of"), encode(" is"), encode(".\n")
        self.ask, self.then = encode("\nWhat is the secret word of"), encode("? The secret word of")

    def row(self, length: int, facts: int, questions: int, fact_zone: float = 0.5) -> Row:
        """A row with facts in the first `fact_zone` of it, and questions in the rest."""
        rng = self.rng
        names, words = self.draw(facts)
        filler = self.filler(length, facts, questions)
        # The positions in the filler at which facts and questions are inserted.
        first = np.sort(rng.integers(0, int(filler * fact_zone) + 1, facts))
        later = np.sort(rng.integers(int(filler * fact_zone), filler + 1, questions))
        start = rng.integers(0, len(self.stories) - length)
        events = [(p, "fact", j) for j, p in enumerate(first)]
        events += [(p, "ask", int(rng.integers(facts))) for p in later]
        return self.write(self.stories[start : start + filler], names, words, events)

    def depths(self, length: int, count: int) -> Row:
        """A row with a fact in the middle of each of `count` equal parts, and all questions at the end."""
        names, words = self.draw(count)
        filler = self.filler(length, count, count)
        start = self.rng.integers(0, len(self.stories) - length)
        events = [(int(filler * (j + 0.5) / count), "fact", j) for j in range(count)]
        events += [(filler, "ask", int(j)) for j in self.rng.permutation(count)]
        return self.write(self.stories[start : start + filler], names, words, events)

    def draw(self, facts: int) -> tuple[np.ndarray, np.ndarray]:
        return self.rng.choice(self.names, facts, replace=False), self.rng.choice(self.words, facts, replace=False)

    def filler(self, length: int, facts: int, questions: int) -> int:
        """How many tokens of the row are left for stories."""
        fact_cost = len(self.fact_head) + 2 + len(self.is_) + len(self.stop)
        ask_cost = len(self.ask) + len(self.then) + len(self.is_) + 3 + len(self.stop)
        left = length - facts * fact_cost - questions * ask_cost
        assert left >= 0, f"{facts} facts and {questions} questions do not fit {length} tokens"
        return left

    def write(self, text, names, words, events) -> Row:
        """The row of `text` with events; an event is (position in `text`, kind, number of the fact)."""
        ids: list[int] = []
        weight: list[float] = []
        answers, sources, where = [], [], {}

        def put(tokens, w: float) -> None:
            ids.extend(int(t) for t in tokens)
            weight.extend([w] * len(tokens))

        at = 0
        for p, kind, j in events:
            put(text[at:p], FILLER)
            at = p
            if kind == "fact":
                put(self.fact_head, FIXED)
                put([names[j]], VALUE)
                put(self.is_, FIXED)
                where[j] = len(ids)
                put([words[j]], VALUE)
            else:
                put(self.ask, FIXED)
                put([names[j]], VALUE)
                put(self.then, FIXED)
                put([names[j]], FILLER)
                put(self.is_, FIXED)
                answers.append(len(ids))
                sources.append(where[j])
                put([words[j]], ANSWER)
            put(self.stop, FIXED)
        put(text[at:], FILLER)
        return Row(np.array(ids), np.array(weight, np.float32), np.array(answers), np.array(sources))

    def copy(self, length: int) -> Row:
        """A row that repeats a random sequence. Only the repetitions count in the loss."""
        rng = self.rng
        period = int(rng.integers(16, max(17, min(length // 2, 200))))
        once = rng.choice(self.stories, period)
        ids = np.resize(once, length)
        weight = np.full(length, FILLER, np.float32)
        weight[:period] = VALUE
        return Row(ids, weight, np.array([], int), np.array([], int))

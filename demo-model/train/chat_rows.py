"""Makes training rows in GLM-5.2's chat format: a user asks for a story about two things, and gets it.

    [gMASK]<sop><|user|>Tell me a story about a dog and a ball.<|assistant|><think></think>One day ...
    [gMASK]<sop><|system|>Reasoning Effort: High<|user|>...<|assistant|><think>A story about a dog
    and a ball.</think>One day ...<|user|>...

The stories are stories of the corpus that name both things. Only the assistant's tokens, and the
token that ends its turn, count in the loss. Thoughts of earlier turns are kept (`clear_thinking: false`).
"""

import numpy as np
from tokenizers import Tokenizer

THINGS = """ant apple baby bag ball balloon bear bed bee bike bird boat book box boy bread bug bunny bus butterfly
cake candy car castle cat chair cloud cookie cow crab dad doctor dog doll dragon dress duck egg fairy farmer fish
flower fox friend frog garden girl goat grandma hat hill horse house ice jar king kite kitten ladder lake leaf lion
mom monkey monster moon mouse nest owl park pig prince princess puppy queen rabbit rain river robot rock rose sea
sheep shell ship shoe snake snow spider squirrel star stick sun swing teddy toy train treasure tree truck turtle
water whale wind wolf worm zoo""".split()

ASKS = (
    "Tell me a story about a {0} and a {1}.",
    "Can you tell me a story with a {0} and a {1}?",
    "I want a story about a {0} and a {1}.",
    "Please tell a story about a {0} and a {1}.",
)


class ChatRows:
    def __init__(self, tokenizer: Tokenizer, stories: list[np.ndarray], rng: np.random.Generator):
        self.rng = rng
        self.encode = lambda text: tokenizer.encode(text).ids
        self.id = tokenizer.token_to_id
        known = set(THINGS)
        self.stories = []
        for ids in stories:
            if not 40 <= len(ids) <= 400:
                continue
            words = [w.strip('.,!?"').lower() for w in tokenizer.decode(ids.tolist()).split()]
            found = list(dict.fromkeys(w for w in words if w in known))
            if len(found) >= 2:
                self.stories.append((ids, found))

    def row(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        """The ids and loss weights of a row, which is filled with conversations."""
        ids: list[int] = []
        weight: list[float] = []

        def put(tokens, w: float) -> None:
            ids.extend(tokens)
            weight.extend([w] * len(tokens))

        while len(ids) < length:
            put([self.id("[gMASK]"), self.id("<sop>")], 0.0)
            effort = self.rng.choice(["off", "off", "High", "Max"])
            if effort != "off":
                put([self.id("<|system|>"), *self.encode(f"Reasoning Effort: {effort}")], 0.0)
            for turn in range(int(self.rng.integers(1, 4))):
                self.turn(put, effort != "off", turn > 0)
            put([self.id("<|endoftext|>" if self.rng.random() < 0.5 else "<|user|>")], 1.0)
        return np.array(ids[:length]), np.array(weight[:length], np.float32)

    def turn(self, put, thinks: bool, is_later: bool) -> None:
        story, found = self.stories[self.rng.integers(len(self.stories))]
        pair = self.rng.choice(found[:6], 2, replace=False)
        # A reply is ended by the role token of the next message.
        put([self.id("<|user|>")], 1.0 if is_later else 0.0)
        put(self.encode(str(self.rng.choice(ASKS)).format(*pair)), 0.0)
        put([self.id("<|assistant|>"), self.id("<think>")], 0.0)
        if thinks:
            put(self.encode(f"A story about a {pair[0]} and a {pair[1]}."), 1.0)
        put([self.id("</think>")], 1.0 if thinks else 0.0)
        put(story.tolist(), 1.0)

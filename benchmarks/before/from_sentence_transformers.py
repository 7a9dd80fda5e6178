"""sentence-transformers 6.2: MultipleNegativesRankingLoss on a small model that is made here."""

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer, models, pre_tokenizers

random = np.random.default_rng(0)
topics = random.permutation(192) % 48
queries = [" ".join(f"q{5 * topic + random.integers(5)}" for _ in range(4)) for topic in topics]
answers = [" ".join(f"a{5 * topic + random.integers(5)}" for _ in range(4)) for topic in topics]
vocabulary = ["", *(f"{kind}{number}" for kind in "qa" for number in range(240))]
weights = random.normal(size=(len(vocabulary), 16)).astype("float32")

tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(vocabulary)}, unk_token=""))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)], device="cpu")
loss_of = MultipleNegativesRankingLoss(model, scale=20.0)
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)


def loss_of_rows(rows):
    """The loss of these pairs."""
    return loss_of([model.preprocess(queries[rows]), model.preprocess(answers[rows])], None)


for _ in range(20):
    for k in range(0, 192, 64):
        optimizer.zero_grad()
        loss_of_rows(slice(k, k + 64)).backward()
        optimizer.step()

print("loss", float(loss_of_rows(slice(0, 64)).detach()))
similarities = model.similarity(model.encode(queries), model.encode(answers)).numpy()
print("topic_found", np.mean(topics[similarities.argmax(axis=1)] == topics))

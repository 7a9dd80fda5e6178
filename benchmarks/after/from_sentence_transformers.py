"""plackett: the same towers and loss, in Keras, on PyTorch or another backend."""

import keras
import numpy as np
from keras import ops

from plackett import losses, retrieval

random = np.random.default_rng(0)
topics = random.permutation(192) % 48
queries = [" ".join(f"q{5 * topic + random.integers(5)}" for _ in range(4)) for topic in topics]
answers = [" ".join(f"a{5 * topic + random.integers(5)}" for _ in range(4)) for topic in topics]
vocabulary = ["", *(f"{kind}{number}" for kind in "qa" for number in range(240))]
weights = random.normal(size=(len(vocabulary), 16)).astype("float32")

number_of = {word: number for number, word in enumerate(vocabulary)}
x = {
    "query": np.array([[number_of[word] for word in text.split()] for text in queries]),
    "document": np.array([[number_of[word] for word in text.split()] for text in answers]),
}
words = keras.Input((4,), dtype="int32")
embedded = keras.layers.Embedding(len(vocabulary), 16, name="words")(words)
tower = keras.Model(words, keras.layers.GlobalAveragePooling1D()(embedded))
tower.set_weights([weights])
model = retrieval.TwoTowerModel(tower, tower, similarity="cosine", temperature=1 / 20)
model.compile(keras.optimizers.SGD(1.0), losses.InBatchSoftmaxLoss())
rows = np.arange(192)  # the id of each row's answer
model.fit(x, rows, batch_size=64, epochs=20, shuffle=False, verbose=0)

first = {name: part[:64] for name, part in x.items()}
print("loss", model.evaluate(first, rows[:64], batch_size=64, verbose=0))
similarities = model.embed_queries(x["query"]) @ model.embed_documents(x["document"]).T
print("topic_found", np.mean(topics[ops.convert_to_numpy(similarities).argmax(axis=1)] == topics))

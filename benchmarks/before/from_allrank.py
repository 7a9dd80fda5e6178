"""allRank 1.4.3: its fully connected model and its ListNet, on padded slates."""

import numpy as np
import torch
from allrank.models.losses import listNet
from allrank.models.metrics import ndcg
from allrank.models.model import make_model

random = np.random.default_rng(0)
features = random.normal(size=(200, 12, 8)).astype("float32")  # 200 lists of up to 12 documents with 8 features
worth = features[..., :3].sum(axis=-1) + random.normal(size=(200, 12))
labels = np.digitize(worth, [0.5, 1.5, 2.5]).astype("float32")  # grades 0 to 3
labels[np.arange(12) >= random.integers(6, 13, (200, 1))] = -1  # padding
weights = [random.normal(0, 0.3, (8, 16)), np.zeros(16), random.normal(0, 0.3, (16, 1)), np.zeros(1)]
features, labels, mask = torch.tensor(features), torch.tensor(labels), torch.tensor(labels == -1)

fc_model = {"sizes": [16], "input_norm": False, "activation": "ReLU", "dropout": 0.0}
model = make_model(fc_model, None, {"d_output": 1, "output_activation": None}, 8)
for parameter, weight in zip(model.parameters(), weights, strict=True):
    parameter.data = torch.tensor(weight.T, dtype=torch.float32)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(10):
    for k in range(0, 150, 25):
        part = slice(k, k + 25)
        loss = listNet(model(features[part], mask[part], None), labels[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    scores = model.score(features[150:], mask[150:], None)
    print("loss", float(listNet(scores, labels[150:])))
    print("ndcg@5", float(ndcg(scores, labels[150:], ats=[5]).mean()))

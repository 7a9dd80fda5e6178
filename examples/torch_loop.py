"""A training loop in PyTorch: the losses are functions of tensors, and autograd goes through them.

    python examples/torch_loop.py

The model is a torch.nn.Module and the optimizer is one of torch.optim. Keras works behind the loss, and trains nothing.
"""

import os

os.environ["KERAS_BACKEND"] = "torch"  # before Keras is imported

import torch

from plackett.losses import unique_softmax
from plackett.metrics import ndcg

# 400 lists of up to 15 documents. The mask is True for real documents.
torch.manual_seed(0)
features = torch.randn(400, 15, 6)
worth = features[..., 0] + features[..., 1] * features[..., 2] + 0.5 * torch.randn(400, 15)
labels = torch.bucketize(worth, torch.tensor([0.0, 1.0, 2.0])).float()
mask = torch.arange(15) < torch.randint(5, 16, (400, 1))
train, test = slice(0, 300), slice(300, 400)

model = torch.nn.Sequential(torch.nn.Linear(6, 32), torch.nn.ReLU(), torch.nn.Linear(32, 32), torch.nn.ReLU())
model.append(torch.nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)


@torch.no_grad()
def measure():
    """The mean NDCG@10 on the held-out lists."""
    return float(ndcg(labels[test], model(features[test])[..., 0], mask=mask[test], topn=10).mean())


untrained = measure()
for _ in range(15):
    for rows in torch.randperm(300).split(30):
        scores = model(features[rows])[..., 0]
        loss = unique_softmax(labels[rows], scores, mask=mask[rows]).mean()  # one number for each list, then the mean
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

trained = measure()
print(f"NDCG@10 on held-out lists: {untrained:.3f} untrained, {trained:.3f} trained")

"""What the processes of a PyTorch group find of single messages, see `processes_steps`."""

import keras
import numpy as np
import torch

from plackett import backend
from plackett.distributed import GatherRows


def found():
    """name -> array."""
    rank, number = backend.process_number(), backend.number_of_processes()
    x = torch.arange(2.0 * number).reshape(number, 2)[rank : rank + 1].requires_grad_()
    whole = backend.gather_rows(x)
    (first,) = torch.autograd.grad((whole**3).sum() / number, x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    results = {"gathered": whole, "first derivative": first, "second derivative": second, "rows here": x}
    results["gathered whole numbers"] = backend.gather_rows(torch.full((2,), rank))
    results["gathered masks"] = backend.gather_rows(torch.tensor([rank == 0, True]))
    results["of half precision"] = backend.gather_rows(torch.full((1,), float(rank), dtype=torch.bfloat16)).float()

    variables = [keras.Variable(np.zeros(shape, dtype)) for shape, dtype in _SHAPES]
    gradients = [torch.full(shape, rank + 1.0, dtype=getattr(torch, dtype)) for shape, dtype in _SHAPES]
    gradients[1] = None if rank == 0 else gradients[1]
    gradients[3] = None
    averages = backend.average_gradients(gradients, variables)
    for i, average in enumerate(averages):
        results[f"average {i}"] = torch.tensor(-1.0) if average is None else average.double()
    results["mean"] = backend.mean_over_processes(torch.tensor(float(rank)))

    lists = keras.layers.Masking()(np.full((1, 3, 2), float(rank > 0), "float32"))
    results["mask of gathered lists"] = backend.keras_mask(GatherRows()(lists))
    results["shape"] = np.array(GatherRows()(keras.Input(batch_shape=(3, 2))).shape)
    with backend.alone():
        results["gathered alone"] = backend.gather_rows(x)
    try:
        backend.gather_rows(torch.zeros(rank + 1, 2))
    except ValueError as error:
        results["error"] = str(error)
    return {k: v.detach().numpy() if torch.is_tensor(v) else v for k, v in results.items()}


_SHAPES = [((2, 3), "float32"), ((4,), "float32"), ((2,), "float64"), ((3,), "float32"), ((), "float32")]

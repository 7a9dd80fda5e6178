"""Messages between the processes of `torch.distributed`, for tensors with gradients."""

import torch
from torch import distributed


class GatherRows(torch.autograd.Function):
    """[rows here, ...] -> [rows of all processes, ...], in their order; derivatives of any order."""

    @staticmethod
    def forward(x):
        """The parts of all processes, one after another."""
        x = x.detach().contiguous()
        parts = [torch.empty_like(x) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, x)
        return torch.cat(parts)

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Nothing is kept."""

    @staticmethod
    def backward(ctx, upstream):
        """The gradients of each row in all processes, summed in its own process."""
        return ScatterSum.apply(upstream)

    @staticmethod
    def jvp(ctx, tangent):
        """The tangents of all processes."""
        return GatherRows.apply(tangent)


class ScatterSum(torch.autograd.Function):
    """[rows of all processes, ...] -> [rows here, ...], of the sum over processes; derivatives of any order."""

    @staticmethod
    def forward(x):
        """This process's part of the sum."""
        parts = list(x.detach().contiguous().chunk(distributed.get_world_size()))
        part = torch.empty_like(parts[0])
        distributed.reduce_scatter(part, parts)
        return part

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Nothing is kept."""

    @staticmethod
    def backward(ctx, upstream):
        """The factors of the parts of all processes."""
        return GatherRows.apply(upstream)

    @staticmethod
    def jvp(ctx, tangent):
        """The sum of the tangents."""
        return ScatterSum.apply(tangent)


def check_rows(x: torch.Tensor) -> None:
    """Raises a ValueError in all processes if their numbers of rows differ: unequal messages would crash them."""
    number = torch.tensor([len(x)], device=x.device)
    numbers = [torch.empty_like(number) for _ in range(distributed.get_world_size())]
    distributed.all_gather(numbers, number)
    rows = torch.cat(numbers).tolist()
    if len(set(rows)) > 1:
        raise ValueError(
            f"all processes must have the same number of rows of a batch, but they have {', '.join(map(str, rows))}: "
            "cut each batch into equal parts, as Batches(shard=(i, n)) does"
        )


def mean(x: torch.Tensor) -> torch.Tensor:
    """The mean over processes, without gradient."""
    x = x.detach().clone()
    distributed.all_reduce(x)
    return x / distributed.get_world_size()


def average(gradients: list[torch.Tensor | None], like: list[torch.Tensor]) -> list[torch.Tensor | None]:
    """The means of gradients over processes. None counts as 0, and stays None if all processes have None."""
    here = [torch.zeros_like(x) if g is None else g for g, x in zip(gradients, like, strict=True)]
    counts = torch.tensor([g is not None for g in gradients], dtype=torch.float32, device=here[0].device)
    averages: list[torch.Tensor | None] = list(here)
    for dtype in dict.fromkeys(x.dtype for x in here):
        places = [i for i, x in enumerate(here) if x.dtype == dtype]
        counts_too = [counts.to(dtype)] if dtype == here[0].dtype else []
        flat = torch.cat([here[i].reshape(-1) for i in places] + counts_too)
        distributed.all_reduce(flat)
        flat /= distributed.get_world_size()
        sizes = [here[i].numel() for i in places]
        *of_places, rest = flat.split([*sizes, len(flat) - sum(sizes)])
        for i, average in zip(places, of_places, strict=True):
            averages[i] = average.view_as(here[i])
        counts = rest if counts_too else counts
    if None not in gradients:
        return averages
    return [x if count else None for x, count in zip(averages, (counts > 0).tolist(), strict=True)]

"""Noise, and lists sampled with it."""

import numpy as np
from keras import ops

from plackett import backend
from plackett._types import Tensor
from plackett.lists._shapes import check_shape


def gumbel(noise: Tensor, scores: Tensor) -> Tensor:
    """Gumbel noise g = -log(-log u) from uniform noise u.

    >>> noise, scores = ops.convert_to_tensor([[[0.5, 0.25]]]), ops.convert_to_tensor([[0.0, 0.0]])
    >>> [round(x, 4) for x in ops.convert_to_numpy(gumbel(noise, scores)).tolist()[0][0]]
    [0.3665, -0.3266]

    Args:
        noise: [..., samples, list_size], uniform on [0, 1). An exact 0 counts as the smallest positive float32; a
            number that rounds to 1 counts as the largest float32 below 1.
        scores: [..., list_size], the scores that the noise will be added to.

    Returns:
        [..., samples, list_size].

    Raises:
        ValueError: the shapes do not match.
    """
    noise = ops.cast(noise_of_samples(noise, scores), scores.dtype)
    return -ops.log(-ops.log(backend.clip(noise, float(np.finfo("float32").tiny), 1.0 - 2.0**-24)))


def noise_of_samples(noise, scores):
    """`noise` as a tensor, [..., samples, list_size].

    Raises:
        ValueError: it does not have the shape of the scores with an axis of samples added.
    """
    noise = ops.convert_to_tensor(noise)
    samples = noise.shape[-2] if len(noise.shape) > 1 else None
    check_shape("noise", noise, "samples", (*scores.shape[:-1], samples, scores.shape[-1]))
    return noise


def per_sample(x, samples):
    """`x`, [..., list_size], repeated for each sample to the shape of `samples`, [..., samples, list_size]."""
    return ops.broadcast_to(x[..., None, :], ops.shape(samples))

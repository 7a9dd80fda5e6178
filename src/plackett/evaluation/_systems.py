"""STAND-IN."""
import numpy as np
import keras
from plackett.evaluation._scored import Scored
from plackett.evaluation._scoring import score

def open_system(what):
    if isinstance(what, keras.Model):
        return lambda lists: score(what, lists)
    if isinstance(what, str):
        sign = -1 if what.startswith("-") else 1
        kind, name = what.lstrip("-").split(":")
        return lambda lists: sign * (lists.features[:, lists.feature_names.index(name)] if kind == "feature" else lists.columns[name])
    return what if callable(what) else lambda lists: what

def open_systems(systems):
    return {name: open_system(x) for name, x in systems.items()}

def check_scores(name, lists, scored):
    scored = scored if isinstance(scored, Scored) else Scored(np.asarray(scored))
    scores = scored.scores
    if scores.shape != lists.labels.shape:
        raise ValueError(f"{name} must have one entry a document, {lists.labels.shape}, but got {scores.shape}")
    if np.isnan(scores).any():
        raise ValueError(f"{np.isnan(scores).sum()} of {len(scores)} scores are NaN, which has no rank")
    return scored

"""Trains a student, a smaller or faster ranker, from lists and a teacher."""

import dataclasses
import os
import pathlib
import warnings
from typing import Any, Unpack

from plackett._files import MODEL, WHOLE_MODEL
from plackett.data import RankingLists, split_queries
from plackett.distillation import _remarks
from plackett.distillation._lists import as_extra, check_no_shared, check_told_apart, choose_judged, hold_out, join
from plackett.distillation._options import Options, settings_of
from plackett.distillation._teacher_losses import check_finite, check_teacher_loss
from plackett.distillation._teachers import COLUMN, Cache, Teacher, check_cache, teach
from plackett.evaluation._scoring import check_lists
from plackett.training import Settings, Trained
from plackett.training import train as train_ranker
from plackett.training._objective import chooses_by_labels, make_losses, make_metric
from plackett.training._output_folder import MEMBERS, holds_run
from plackett.training._same_run import WAY_OUT, check_same
from plackett.training._settings import SettingsKeywords


@dataclasses.dataclass(frozen=True)
class Plan:
    """The plan of a training: the lists with the teacher's scores, and the settings of `plackett.train`.

    Args:
        lists: the lists to learn from.
        held_out: the lists that the epoch is chosen on.
        settings: fields of `plackett.training.Settings`.
        record: what `config.yaml` says of the teacher.
        facts: what is learnt, and from which teacher, in whole sentences.
        notes: facts that a caller may not expect: how the teacher took the lists, and what is left out of them.
    """

    lists: RankingLists
    held_out: RankingLists
    settings: dict[str, Any]
    record: dict[str, Any]
    facts: list[str]
    notes: list[str]

    def remarks(self) -> list[str]:
        """What a reader needs to know about it, in whole sentences."""
        return [*self.facts, *self.notes]


def train(
    lists: RankingLists,
    teacher: Any,
    validation: RankingLists | None = None,
    *,
    label_loss: Any = None,
    label_options: dict | None = None,
    label_weight: float = 0.0,
    extra_lists: RankingLists | None = None,
    shared_queries: bool = False,
    standardize: bool = True,
    teacher_temperature: float = 1.0,
    cache: Cache = None,
    output: str | os.PathLike | None = None,
    overwrite: bool = False,
    resume: bool = False,
    provenance: dict | None = None,
    callbacks: list | None = None,
    **settings: Unpack[SettingsKeywords],
) -> Trained:
    """Trains a student to rank like a teacher, and keeps the epoch that ranks the validation lists best.

    >>> import numpy as np
    >>> from plackett.data import RankingLists, split_queries
    >>> x = np.random.default_rng(0).normal(size=(40, 3))
    >>> lists = RankingLists.from_arrays(x, x[:, 0] > 0, group=[8] * 5)
    >>> trained = train(lists, lambda lists: -1e6 * lists.features[:, 0], epochs=1, scorer_options={"hidden": [4]})
    >>> list(trained.best), trained.model.name
    (['epoch', 'loss', 'ndcg@10'], 'mlp')

    The student learns from

        label_weight * label loss of the labels + (1 - label_weight) * loss of the teacher's scores

    The second part needs no judgements: from `extra_lists` the student learns by the teacher alone. `plackett score`,
    `plackett.load` and every metric take the student, which does not need its teacher.

    Args:
        lists: the training lists.
        teacher: anything that gives scores, or a list of several, see `Teacher`. It scores each list once, before
            training starts, see `with_teacher`.
        validation: the lists whose labels choose the epoch, by `metric`. None = a share `validation_share` of the
            judged lists, drawn by the seed, is held out. If nobody judged any, the metric "validation_loss" chooses the
            epoch by the teacher's scores.
        label_loss: the loss of the labels. None = "unique_softmax", if `label_weight` is above 0.
        label_options: the arguments of a label loss that is given by its name.
        label_weight: the weight of the labels, from 0, the teacher alone, to below 1. Both losses are means over all
            lists, so labels count less the more `extra_lists` there are.
        extra_lists: lists of other queries with the same features. Their labels are not used.
        shared_queries: whether a query id of `extra_lists` may also occur in `lists` or `validation`, for example if
            ids are numbers that start again.
        standardize, teacher_temperature, cache: `standardize`, `temperature` and `cache` of `with_teacher`.
        output, overwrite, resume, provenance, callbacks: as in `plackett.train`. A run can only be resumed with the
            same scores.
        settings: fields of `plackett.training.Settings`, except `target`, `tasks` and `shared_head`, which follow from
            these options. `loss` and `loss_options` are those of the teacher's scores. The default,
            "coupled_rank_distil", takes the scores, standardised and divided by `teacher_temperature`, as the logits of
            a Plackett-Luce model, and the student learns rankings that are sampled from it; its options are `topk` and
            `sample_size`. "list_net" is the cross-entropy with the teacher's softmax; "pairwise_mse" and "margin_mse"
            learn the differences of the scores, "mean_squared" the scores themselves; "list_mle", "pairwise_logistic",
            "pairwise_hinge", "pairwise_squared_hinge" and "pairwise_soft_zero_one" learn only their order. It may also
            be a loss of your own. Losses of plackett that read grades are refused. The `temperature` of these losses is
            that of the student's scores.

    Returns:
        The result of `plackett.train`. Warnings say how the teacher took the lists, and which of their columns are left
        out.

    Raises:
        OSError: the scores could not be kept; or as in `plackett.train`.
        ValueError: `teacher` is not a teacher, or its scores are not finite; a loss reads grades; an option has no
            effect; extra lists do not fit; `output` is the run of the teacher; or as in `plackett.train`.
    """
    options = Options(label_loss, label_options or {}, label_weight, standardize, teacher_temperature)
    plan = make_plan(
        lists,
        teacher,
        options,
        validation=validation,
        extra_lists=extra_lists,
        shared_queries=shared_queries,
        cache=cache,
        output=output,
        settings=dict(settings),
    )
    for note in plan.notes:
        warnings.warn(note, stacklevel=2)
    if resume and output is not None:
        _check_same_scale(pathlib.Path(output), plan.record)
    share = Settings.from_dict(plan.settings).validation_share
    held_out = {} if validation is not None else {"validation": f"{share:.0%} of the queries"}
    return train_ranker(
        plan.lists,
        plan.held_out,
        output=output,
        overwrite=overwrite,
        resume=resume,
        provenance=(provenance or {}) | {"teacher": plan.record} | held_out,
        callbacks=callbacks,
        **plan.settings,
    )


def make_plan(
    lists: RankingLists,
    teacher: Any,
    options: Options,
    *,
    validation: RankingLists | None,
    extra_lists: RankingLists | None,
    shared_queries: bool,
    cache: Cache,
    output: str | os.PathLike | None,
    settings: dict[str, Any],
) -> Plan:
    """Makes the plan of `train`; see there. Everything that can be wrong is checked before the teacher scores."""
    given = {"lists": lists, "validation": validation, "extra_lists": extra_lists}
    for name, some_lists in given.items():
        if some_lists is not None:
            check_lists(name, some_lists)
    check_cache(cache)
    settings = settings_of(options, settings)
    whole = Settings.from_dict(settings)
    losses = make_losses(whole)
    of_teacher = losses[COLUMN] if COLUMN in losses else losses[None]
    check_teacher_loss(of_teacher)
    make_metric(whole)  # raises early, as the following calls may
    opened = Teacher(teacher)
    check_output_is_no_teacher(opened, output)
    positions, by_labels = None, chooses_by_labels(whole)
    if validation is None and by_labels:
        positions = choose_judged(lists, whole.validation_share, whole.seed)
    if extra_lists is not None:
        extra_lists = _fit_extra(extra_lists, lists, validation, shared_queries)
        check_told_apart(extra_lists, lists, opened)
    asked = {"lists": lists, "extra_lists": extra_lists, "validation": None if by_labels else validation}
    taught = {
        name: teach(part, opened, standardized=options.standardize, temperature=options.temperature, cache=cache)
        for name, part in asked.items()
        if part is not None
    }
    for one in taught.values():
        check_finite(of_teacher, one.lists)
    learnt, held_out = _split(taught, validation, positions, whole)
    record, facts = _record(options, opened), _remarks.of_options(options, opened, losses, cache)
    facts += [*_remarks.of_cut(whole.max_list_size), *_remarks.of_ties(taught.values())]
    facts += _remarks.of_unjudged(learnt, options)
    notes = _remarks.notes_of(taught)
    if given["extra_lists"] is not None:
        extra = taught["extra_lists"].lists
        facts += _remarks.of_extra(learnt, extra, given["extra_lists"])
        notes += _remarks.of_columns(learnt, given["extra_lists"])
        record["extra_lists"] = len(extra)
        learnt = join(learnt, extra)
    return Plan(learnt, held_out, settings, record, facts, notes)


def _fit_extra(extra, lists, validation, shared_queries):
    """Returns the extra lists, of other queries, with the features of the training lists."""
    if not shared_queries:
        for others, whose in ((lists, "the training lists"), (validation, "the validation lists")):
            if others is not None:
                check_no_shared(extra, others, whose)
    return as_extra(extra, lists)


def _split(taught, validation, positions, whole):
    """Returns (the training lists, the validation lists), with the teacher's scores where they are needed."""
    lists = taught["lists"].lists
    if positions is not None:
        return hold_out(lists, positions)
    if validation is None:
        return split_queries(lists, whole.validation_share, whole.seed)
    return lists, taught["validation"].lists if "validation" in taught else validation


def check_output_is_no_teacher(teacher: Teacher, output: str | os.PathLike | None) -> None:
    """Raises a ValueError if the student would be written over its teacher."""
    folder = None if output is None else pathlib.Path(output).resolve()
    for member in teacher.members if folder else ():
        own = [folder, *(folder / name for name in (MODEL, WHOLE_MODEL))]  # type: ignore[operator]
        path = pathlib.Path(member.path).resolve() if member.path else None
        if path in own or (path and path.is_relative_to(folder / MEMBERS)):  # type: ignore[operator]
            raise ValueError(f"{output} is the run of the teacher {member.name}: choose another output for the student")


def _check_same_scale(output, record):
    """Raises a ValueError if the teacher's scores were scaled differently for the run in a folder."""
    if holds_run(output):
        check_same(output, "config.yaml", _of_scale({"teacher": record}), _of_scale, WAY_OUT)


def _of_scale(config):
    record = config.get("teacher") or {}
    return {f"teacher_{name}": record[name] for name in ("standardize", "temperature") if name in record}


def _record(options, teacher):
    """What `config.yaml` says of the teacher. The losses and their weights are among its settings."""
    scale = {"standardize": options.standardize, "temperature": float(options.temperature)}
    return {"rankers": teacher.record()} | scale | {"label_weight": float(options.label_weight)}

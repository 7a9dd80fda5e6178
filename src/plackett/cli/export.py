"""`plackett export`."""

import os
import pathlib
import sys
from typing import Annotated, Literal

import typer

from plackett._files import find_model
from plackett.cli._backend import BACKENDS, choose_backend, find_backend
from plackett.cli._tables import say
from plackett.data._words import some
from plackett.export._files import SUFFIX, check_folder, check_onnx_file, check_vespa_file
from plackett.export._needs import can, check_needs, check_onnx

Form = Literal["onnx", "saved_model", "vespa", "elasticsearch", "solr"]
ENGINES = ("elasticsearch", "solr")  # their plugins take JSON
Out = Annotated[pathlib.Path, typer.Argument(help="NAME.onnx, NAME.json of a search engine, or a new folder.")]
Model = Annotated[
    pathlib.Path,
    typer.Argument(
        help="An output folder of `plackett train`, or a .keras file; for elasticsearch and solr also a file of trees, "
        "for vespa also an exported NAME.onnx."
    ),
]
Format = Annotated[
    Form | None,
    typer.Option("--format", help="Default: onnx for NAME.onnx, saved_model for a folder. See docs/search_engines.md."),
]
Backend = Annotated[
    str | None,
    typer.Option(
        help="jax, tensorflow or torch. Default: $KERAS_BACKEND, else the first one whose exporter is installed."
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export.")]
Name = Annotated[str | None, typer.Option(help="The name of the model in a search engine. Default: that of NAME.json.")]
Features = Annotated[
    str | None,
    typer.Option(
        help="The names of the features in the search engine, a,b,c, in the order of the model. Default: those of "
        "the model.",
        metavar="NAME,NAME,...",
    ),
]
Missing = Annotated[
    Literal["zero", "model"] | None,
    typer.Option(help="How search engines treat missing features, see plackett.export.write_ltr_model."),
]
Tolerance = Annotated[
    float | None,
    typer.Option(help="How far scores may differ from those of Keras, relatively if they are above 1. Default: 1e-5."),
]
Lift = Annotated[
    bool, typer.Option("--lift", help="Add a constant to trees, so that no score is below 0, which Lucene refuses.")
]


def export(
    model: Model,
    out: Out,
    form: Format = None,
    backend: Backend = None,
    overwrite: Overwrite = False,
    name: Name = None,
    features: Features = None,
    missing: Missing = None,
    lift: Lift = False,
    tolerance: Tolerance = None,
):
    """Write a ranker for other programs: an ONNX file, a SavedModel, or the model of a search engine's plugin."""
    form = form or form_of(out)
    path = find_model(model)
    for flag, given in (("--name", name), ("--features", features), ("--missing", missing), ("--lift", lift or None)):
        if given is not None and form not in ENGINES:
            raise ValueError(f"{flag} is for --format elasticsearch or solr alone: leave it out")
    if tolerance is not None and form not in ("onnx", "saved_model"):
        raise ValueError(
            "--tolerance is for an ONNX file or a SavedModel alone: for Vespa, export an ONNX file with it, and then "
            "that file"
        )
    if form in ENGINES:
        choose_backend(backend)
        names = None if features is None else features.split(",")
        return _for_plugin(
            model, out, form, name=name or out.stem, features=names, missing=missing, lift=lift, overwrite=overwrite
        )
    if form == "vespa":
        return _for_vespa(path, out, backend, overwrite)
    check = check_onnx_file if form == "onnx" else check_folder
    check(out, overwrite=overwrite)
    check_needs(form, choose_backend(_backend_for(form, backend)))

    from plackett import export as forms

    write = forms.write_onnx if form == "onnx" else forms.write_saved_model
    options = {} if tolerance is None else {"tolerance": tolerance}
    signature = write(path, out, overwrite=overwrite, **options)
    taken = [f"{len(signature.features)} features"] if signature.features else []
    taken += [f"{kind} {column}" for column, kind in {**signature.ids, **signature.columns}.items()]
    text = out.with_suffix(".json") if form == "onnx" else out / "plackett.json"
    say(
        f"{out} takes {some(taken)} and gives {', '.join(signature.outputs)}, within "
        f"{max(signature.facts['largest_difference'], 1e-8):.1g} of Keras; {text} says so by their names and shapes"
    )
    return None


def form_of(out: pathlib.Path) -> Form:
    """Returns the form of a file of this name.

    Raises:
        ValueError: the name does not tell the form.
    """
    if out.suffix == SUFFIX:
        return "onnx"
    if out.suffix == ".json":
        raise ValueError(f"{out} may be for several search engines: give --format elasticsearch or solr")
    if out.suffix in (".keras", ".txt", ".pb", ".zip"):
        raise ValueError(f"an export must be NAME.onnx, NAME.json with --format, or a folder, but got {out}")
    return "saved_model"


def _backend_for(form, given):
    """Returns the given backend, else the first that can write this form."""
    asked = given or os.environ.get("KERAS_BACKEND")
    if asked or "keras" in sys.modules:
        return given
    able = (backend for backend in BACKENDS if can(form, backend) and _is_installed(backend))
    return next(able, None)


def _is_installed(backend):
    try:
        return bool(find_backend(backend))
    except ValueError:
        return False


def _for_vespa(model, out, backend, overwrite):
    check_vespa_file(out, overwrite=overwrite)
    if model.suffix == SUFFIX:
        if backend is not None:
            raise ValueError(f"--backend chooses the backend of Keras, but {model} is an ONNX file: leave it out")
        check_onnx()
    else:
        check_needs("onnx", choose_backend(_backend_for("onnx", backend)))

    from plackett.export import write_vespa_onnx

    features = write_vespa_onnx(model, out, overwrite=overwrite)
    say(f"{out} takes features in this order: {', '.join(features) or 'none'}")


def _for_plugin(model, out, form, **options):
    from plackett.export import write_ltr_model

    written = write_ltr_model(model, out, form=form, **options)
    say(f"{out} holds {written.type}, with {some(written.features)}")
    if written.constant or written.link != "identity":
        inside = f"score of the engine{f' {written.constant:+.6g}' if written.constant else ''}"
        inside = inside if written.link == "identity" else f"{written.link}({inside})"
        say(f"score of the model = {inside}; the order is the same")

"""Checks where exported files may be written. Does not need Keras."""

import os
import pathlib

from plackett._files import check_parent, check_path
from plackett.data._signature import Signature

SUFFIX = ".onnx"
TEXT = "plackett.json"  # the signature, in the folder of a SavedModel
WAY_OUT = "or give overwrite=True (--overwrite)"


def check_onnx_file(path: str | os.PathLike, *, overwrite: bool) -> pathlib.Path:
    """Returns the path of an ONNX file, after checking that it and NAME.json beside it may be written.

    Raises:
        FileExistsError: the file exists and `overwrite` is False, or NAME.json is not a signature.
        FileNotFoundError: its folder does not exist.
        ValueError: its name has another suffix.
    """
    path = _check_name(path)
    beside = path.with_suffix(".json")
    for file in (path, beside):
        if file.exists() and not overwrite:
            raise FileExistsError(f"{file} exists: choose another name, {WAY_OUT}")
    if beside.exists() and not _is_of_export(beside):
        raise FileExistsError(f"{beside} exists and was not written by an export: choose another name")
    return path


def check_vespa_file(path: str | os.PathLike, *, overwrite: bool) -> pathlib.Path:
    """Returns the path of an ONNX file for Vespa, after checking that it may be written.

    Raises:
        FileExistsError: the file exists and `overwrite` is False, or NAME.json beside it describes another export.
        FileNotFoundError: its folder does not exist.
        ValueError: its name has another suffix.
    """
    path = _check_name(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists: choose another name, {WAY_OUT}")
    beside = path.with_suffix(".json")
    if beside.exists() and _is_of_export(beside):
        raise FileExistsError(
            f"{beside} describes an export that takes a mask, which {path} would not: choose another name"
        )
    return path


def _check_name(path: str | os.PathLike) -> pathlib.Path:
    check_path(path)
    path = pathlib.Path(path)
    if path.suffix != SUFFIX:
        raise ValueError(f"an ONNX file must be called NAME{SUFFIX}, but got {path}")
    check_parent(path)
    return path


def _is_of_export(text):
    """Whether NAME.json is that of an export."""
    try:
        Signature.from_json(text.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        return False
    return True


def check_folder(folder: str | os.PathLike, *, overwrite: bool) -> pathlib.Path:
    """Returns the path of a SavedModel, after checking that it may be written.

    Raises:
        FileExistsError: something is there, and `overwrite` is False, or it is not a SavedModel of plackett.
        FileNotFoundError: the parent folder does not exist.
    """
    check_path(folder)
    folder = pathlib.Path(folder)
    check_parent(folder)
    if not folder.exists():
        return folder
    if not (folder / TEXT).is_file():
        raise FileExistsError(f"{folder} exists and was not written by an export: choose another folder")
    if not overwrite:
        raise FileExistsError(f"{folder} exists: choose another folder, {WAY_OUT}")
    return folder

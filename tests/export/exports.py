"""A program: exports each model of a folder, and says what it came to, in JSON."""

import json
import pathlib
import sys

import keras

from plackett.export import write_onnx, write_saved_model


def export_all(folder, write, suffix):
    """name -> the facts of the file, or what went wrong."""
    found = {}
    for model in sorted(folder.glob("*.keras")):
        try:
            out = folder / f"{model.stem} on {keras.backend.backend()}{suffix}"
            found[model.stem] = write(model, out).facts
        except ValueError as error:
            found[model.stem] = str(error)
    return found


if __name__ == "__main__":
    form, folder = sys.argv[1:]
    write = write_onnx if form == "onnx" else write_saved_model
    print(json.dumps(export_all(pathlib.Path(folder), write, ".onnx" if form == "onnx" else "")))

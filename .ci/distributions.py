"""Checks what the sdist and the wheel hold: `python .ci/distributions.py dist`.

The wheel holds the package and nothing else; the sdist holds what the wheel was built from, and the tests and pages.
"""

import pathlib
import sys
import tarfile
import zipfile

ROOT = pathlib.Path(__file__).parents[1]
MOST_MB = {"wheel": 2, "sdist": 5}
IN_SDIST = ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "tests/test_laws.py")


def main(folder: pathlib.Path) -> None:
    """Raises SystemExit for what is wrong."""
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    package = {f"plackett/{path}" for path in files_of(ROOT / "src/plackett")}
    with zipfile.ZipFile(wheel) as opened:
        in_wheel = {name for name in opened.namelist() if ".dist-info/" not in name}
    with tarfile.open(sdist) as opened:
        in_sdist = {member.name.partition("/")[2] for member in opened.getmembers() if member.isfile()}
    compare("the wheel", in_wheel, package)
    compare("the sdist", {name for name in in_sdist if name.startswith("src/")}, {f"src/{name}" for name in package})
    if lacking := [name for name in IN_SDIST if name not in in_sdist]:
        sys.exit(f"the sdist lacks {', '.join(lacking)}")
    for what, path in {"wheel": wheel, "sdist": sdist}.items():
        size = path.stat().st_size / 1e6
        print(f"{path.name}: {size:.1f} MB")
        if size > MOST_MB[what]:
            sys.exit(f"the {what} has more than {MOST_MB[what]} MB")


def files_of(folder: pathlib.Path) -> set[str]:
    """The files of a folder, without what Python compiled."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path.as_posix() for path in paths if "__pycache__" not in path.parts}


def compare(what: str, found: set[str], expected: set[str]) -> None:
    """Raises SystemExit where the files differ."""
    if found != expected:
        sys.exit(f"{what} has too much: {sorted(found - expected)}, too little: {sorted(expected - found)}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))

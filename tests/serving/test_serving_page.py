"""The commands of docs/serving.md print what it shows."""

import json
import re
import shutil
import subprocess

import pytest
from server_process import server
from test_docs import PAGES, ROOT, run_blocks

SERVING = ROOT / "src/plackett/serving"
PAGE = PAGES["serving.md"]
EXAMPLES = re.findall(r"```bash\n(curl [^`]*)\n```\n\n```json\n(\{[^\n]*\})\n```", PAGE.read_text())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the Python of the page has written its files."""
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_blocks(PAGE, patch)
    return folder


@pytest.fixture(scope="module")
def process(folder):
    with server(folder / "model.onnx", folder) as process:
        yield process


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("command,shown", EXAMPLES, ids=lambda text: text[-40:])
def test_a_command_prints_what_is_shown(process, folder, command, shown):
    command = command.replace(":8000", f":{process.port}")
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True)
    told, shown = json.loads(done.stdout), json.loads(shown)
    for one in (told, shown):  # what depends on the machine
        one.pop("model", None)
        for document in one.get("ranking", ()):
            document.pop("score")
    assert told == shown


def test_there_are_commands():
    assert len(EXAMPLES) == 4


def test_the_page_names_each_code_of_an_error():
    sources = "".join(path.read_text() for path in sorted(SERVING.glob("*.py")))
    codes = set(re.findall(r'RequestError\(\s*\d+,\s*"(\w+)"', sources)) | {"not_found", "method_not_allowed"}
    assert len(codes) > 15
    assert {code for code in codes if f"`{code}`" not in PAGE.read_text()} == set()


def test_the_page_names_each_metric(process):
    page = process.get("/metrics")[2].decode()
    names = re.findall(r"^# TYPE (plackett_\w+) ", page, re.MULTILINE)
    assert len(names) > 8
    assert {name for name in names if not name.endswith("_created") and f"`{name}`" not in PAGE.read_text()} == set()

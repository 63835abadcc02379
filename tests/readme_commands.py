"""Runs the README's commands as they are printed, in order, in a scratch folder. Called by name: pytest this file.

Files that the README asks to save come first. Lines that need data or a network say so ("# needs ...") and are left
out.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
SHELLS = re.findall(r"^```(?:bash|sh|console)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
COMMANDS = [
    command
    for line in "\n".join(SHELLS).splitlines()
    for command in [line.removeprefix("$ ").partition("#")[0].strip()]
    if command.startswith(("ebbtide ", "python ")) and not re.search(r"#\s*needs\b", line) and "-m pip" not in command
]
# A file that the README tells to save: the last name in backticks before a block.
FILES = re.findall(
    r"`([\w./]+\.(?:py|toml))`[^`]*?\n\n```(?:python|toml)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    for name, text in FILES:
        (folder / name).write_text(text)
    return folder


def test_the_readme_has_commands_and_files_to_try() -> None:
    assert {"demo", "list", "run", "compare"} <= {shlex.split(command)[1] for command in COMMANDS}
    assert {"my_strategy.py", "my.toml"} <= {name for name, _ in FILES}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_s_command_works(command: str, scratch: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "EBBTIDE_STORE": str(scratch / "store")}
    ran = subprocess.run(
        shlex.split(command), cwd=scratch, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert ran.stdout

"""A fresh folder with nothing of this repository in it but the packages that are published."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(sys.executable).parent
# What a person is asked to type, at most.
MOST_COMMANDS = 10
PATIENCE = 600


def packages(case, layers=ROOT / "infra/fixtures/dist"):
    """Builds the packages of these layers, into a folder that goes with the test."""
    folder = pathlib.Path(case.enterContext(tempfile.TemporaryDirectory()))
    environment = {**os.environ, "PACKAGES_TO": str(folder), "PATH": path()}
    run([ROOT / ".ci/packages", layers], folder, environment)
    return folder


def folder(case):
    return pathlib.Path(case.enterContext(tempfile.TemporaryDirectory()))


def path():
    """Where the tools are: of this folder's Python, and a Node.js that is new enough where the machine's is not."""
    node = ROOT / "target/infra/bin"
    return os.pathsep.join([str(PROGRAMS), *([str(node)] if (node / "node").exists() else []), os.environ["PATH"]])


def run(command, where, environment, status=0, shell=False):
    command = command if shell else list(map(str, command))
    result = subprocess.run(
        command,
        cwd=where,
        env={**environment, "PATH": path(), "CI": "true"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        shell=shell,
        executable="/bin/bash" if shell else None,
        stdin=subprocess.DEVNULL,
    )
    said = result.stdout + result.stderr
    assert result.returncode == status, f"{command} exited {result.returncode}, not {status}:\n{said}"
    return said


def commands(page, title):
    """The commands below a title of a page: lines of its block of shell, those that go on with the next joined. No more than
    a person is asked to type: they are few, each is one, and no other block has more of them."""
    text = (ROOT / page).read_text()
    section = text.split(f"\n## {title}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    assert len(blocks) == 1, f"{page}, {title}: {len(blocks)} blocks of shell"
    lines = blocks[0].replace("\\\n", " ").splitlines()
    found = [line for line in lines if line.strip() and not line.startswith("#")]
    assert 0 < len(found) <= MOST_COMMANDS, f"{page}, {title}: {len(found)} commands"
    for line in found:
        assert not re.search(r"[;|&]", line), f"{page}, {title}: several commands in one line: {line}"
    return found


def variables_are_right(case, variables):
    """The forwarder itself takes these variables, if it is built; `make deployers-test` sees to that."""
    forwarderctl = os.environ.get("FORWARDERCTL_BIN")
    case.assertTrue(forwarderctl, "FORWARDERCTL_BIN: run `make deployers-test`")
    result = subprocess.run([forwarderctl, "check"], env=variables, capture_output=True, text=True)
    case.assertEqual(result.returncode, 0, result.stdout + result.stderr)


def permissions(file="permissions"):
    return json.loads((ROOT / f"infra/construct/schema/{file}.json").read_text())


def copy(source, target):
    shutil.copytree(ROOT / source, target, dirs_exist_ok=True)

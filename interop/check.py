#!/usr/bin/env python3
"""Compares limpide with PyTorch and onnxruntime, both ways: interop/check.py makes a virtual environment of the versions in
requirements.txt, and says what agrees. Exit code 0 where all do, 1 where something does not. Where Python's packages
cannot be had, it says so in a line and skips.

It needs Python 3.11 or newer and Cargo. On Linux the environment takes 5 GB, since PyTorch comes there with CUDA's libraries.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile
import venv

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent


def environment(folder):
    """The interpreter of an environment with the packages, or None where they cannot be had."""
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    requirements = (HERE / "requirements.txt").read_text()
    done = folder / "installed.txt"
    if done.exists() and done.read_text() == requirements:
        return python
    try:
        venv.create(folder, with_pip=True)
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"skipped: no virtual environment could be made ({error})")
        return None
    command = [python, "-m", "pip", "install", "--quiet", "--no-deps", "-r", HERE / "requirements.txt"]
    if subprocess.run(command).returncode != 0:
        shutil.rmtree(folder)
        print("skipped: pip could not install what requirements.txt names; is there a network, and room for it?")
        return None
    done.write_text(requirements)
    return python


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", help="an interpreter that has the packages, instead of a new environment")
    parser.add_argument("--keep", type=pathlib.Path, metavar="DIR", help="leave the files there")
    arguments = parser.parse_args()
    if sys.version_info < (3, 11):
        print("skipped: Python 3.11 or newer is wanted")
        return 0
    python = arguments.python or environment(HERE / ".venv")
    if python is None:
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        cargo = ["cargo", "run", "--quiet", "--package", "limpide-interop", "--"]
        subprocess.run([*cargo, "write", folder], cwd=ROOT, check=True)
        theirs = subprocess.run([python, HERE / "peers.py", folder]).returncode
        ours = subprocess.run([*cargo, "check", folder], cwd=ROOT).returncode if theirs in (0, 1) else 1
        return int(theirs != 0 or ours != 0)


if __name__ == "__main__":
    sys.exit(main())

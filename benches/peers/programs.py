"""The programs that are compared: how they are made, and how they take turns."""

import json
import os
import pathlib
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TITLES = {
    "torch": "PyTorch", "jax": "JAX", "numpy": "NumPy", "sklearn": "scikit-learn", "burn": "burn", "candle": "candle",
    "dfdx": "dfdx",
}
RUST = ["burn", "candle", "dfdx"]
# What each library reads to use AVX2 and no more. (The crates choose their instructions themselves.)
AVX2 = {
    "LIMPIDE_SIMD": "avx2", "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
}
THREADS = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"]
# Where these are set, OpenBLAS does not look at the processor.
OPENBLAS = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"]


def python():
    """The interpreter of the Python peers, in an environment with the packages of requirements.txt."""
    place, wanted = HERE / ".venv", (HERE / "requirements.txt").read_text()
    interpreter = place / ("Scripts" if os.name == "nt" else "bin") / "python"
    # Written last, so that an installation that was broken off is done again.
    done = place / "installed.txt"
    if not done.exists() or done.read_text() != wanted:
        print(f"making {place}", file=sys.stderr)
        venv.create(place, with_pip=True)
        pip = [interpreter, "-m", "pip", "install", "--quiet", "--no-deps", "--requirement", HERE / "requirements.txt"]
        subprocess.run(pip, check=True)
        done.write_text(wanted)
    return interpreter


def build(manifest, *arguments):
    """A release build; the folder of its binaries."""
    line = ["cargo", "build", "--release", "--locked", "--manifest-path", manifest, *arguments]
    subprocess.run(line, check=True, stdout=sys.stderr)
    metadata = ["cargo", "metadata", "--format-version", "1", "--no-deps", "--manifest-path", manifest]
    target = json.loads(subprocess.run(metadata, check=True, capture_output=True).stdout)["target_directory"]
    return pathlib.Path(target) / "release"


def programs(chosen):
    """How each program is called, by its name."""
    limpide = chosen.limpide or build(ROOT / "Cargo.toml", "-p", "limpide-cli") / "limpide"
    lines = {"limpide": [limpide, "bench", "--json", "--turns"]}
    crates = [peer for peer in chosen.peers if peer in RUST]
    binaries = build(HERE / "rust" / "Cargo.toml", "--features", ",".join(crates)) if crates else None
    for peer in chosen.peers:
        if peer in RUST:
            lines[peer] = [binaries / f"peer-{peer}"]
        else:
            lines[peer] = [chosen.python or python(), HERE / f"peer_{peer}.py"]
    return {name: list(map(str, line)) for name, line in lines.items()}


class Program:
    """A program that has loaded everything and waits for its turns, on cores of its own number."""

    def __init__(self, line, threads, avx2):
        self.line = [*line, "--threads", str(threads)]
        environment = {name: value for name, value in os.environ.items() if name not in OPENBLAS}
        environment |= {**dict.fromkeys(THREADS, str(threads)), **(AVX2 if avx2 else {})}

        def pin():
            if hasattr(os, "sched_setaffinity"):
                os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])

        pipe = subprocess.PIPE
        self.process = subprocess.Popen(self.line, stdin=pipe, stdout=pipe, env=environment, preexec_fn=pin, text=True)
        self.last = None
        self.read()

    def turn(self, given="go"):
        """What it prints after a line of input; nothing when it has come to its end."""
        self.process.stdin.write(f"{given}\n")
        self.process.stdin.flush()
        return self.read()

    def end(self):
        """Its last words, where it has some, and the most memory it held, in MiB."""
        if self.last is None:
            self.process.stdin.close()
            words = self.process.stdout.read().splitlines()
            _, status, usage = os.wait4(self.process.pid, 0)
            self.process.returncode = os.waitstatus_to_exitcode(status)
            if status:
                sys.exit(f"{' '.join(self.line)} failed")
            self.last = json.loads(words[-1]) if words else {}, usage.ru_maxrss / 1024
        return self.last

    def read(self):
        text = self.process.stdout.readline()
        if not text:
            self.end()
        return json.loads(text or "{}")

#!/usr/bin/env python3
"""Runs limpide beside other libraries, on the same machine, threads and data, and writes tables with the ratios.

    benches/peers/run.py --data ~/datasets --threads 1
    benches/peers/run.py --quick --peers torch --python ~/venv/bin/python

Runs alternate (ours, peer, ours, peer ...), so that a machine whose speed drifts treats all alike. The first call makes a
virtual environment of requirements.txt. Needs Python 3.10 and Cargo, nothing else.
"""

import argparse
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time
import venv

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TITLES = {
    "torch": "PyTorch", "jax": "JAX", "numpy": "NumPy", "sklearn": "scikit-learn",
}
WORKLOADS = {
    "dense": ["torch", "jax", "numpy", "sklearn"],
    "dense-f64": ["torch", "numpy"],
    "cnn": ["torch", "jax"],
    "autoencoder": ["torch", "jax"],
    "moons": ["torch", "jax"],
    "inference": ["torch", "jax"],
    "sweep": ["torch"],
}
# What each library reads to use AVX2 and no more.
AVX2 = {
    "LIMPIDE_SIMD": "avx2", "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
}
THREADS = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"]


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS), metavar="NAME")
    parser.add_argument("--peers", nargs="+", choices=TITLES, default=list(TITLES), metavar="NAME")
    parser.add_argument("--threads", type=int, default=1, help="threads of every library, each on its own core")
    parser.add_argument("--rounds", type=int, default=5, help="alternations (default 5)")
    parser.add_argument("--epochs", type=int, default=1, help="epochs of each run (default 1)")
    parser.add_argument("--quick", action="store_true", help="one round of one epoch, to see everything run")
    parser.add_argument("--data", type=pathlib.Path, help="folder with MNIST; random bytes of its shape otherwise")
    parser.add_argument("--python", help="an interpreter that has the packages, instead of a new environment")
    parser.add_argument("--limpide", help="a limpide binary, instead of building one")
    parser.add_argument("--avx2", action="store_true", help="no library may use AVX-512")
    parser.add_argument("--busy", type=int, default=0, help="so many other processes compute meanwhile")
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "results", help="folder of the results")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds = chosen.epochs = 1
    if min(chosen.threads, chosen.rounds, chosen.epochs) < 1:
        parser.error("--threads, --rounds and --epochs must be at least 1")
    if chosen.data and not chosen.data.is_dir():
        parser.error(f"--data: {chosen.data} is not a folder")
    return chosen


def python(chosen):
    """The interpreter of the Python peers."""
    if chosen.python:
        return chosen.python
    place = HERE / ".venv"
    interpreter = place / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not interpreter.exists():
        print(f"making {place}", file=sys.stderr)
        venv.create(place, with_pip=True)
        subprocess.run([interpreter, "-m", "pip", "install", "-q", "-r", HERE / "requirements.txt"], check=True)
    return str(interpreter)


def build(manifest, *arguments):
    """A release build; the folder of its binaries."""
    subprocess.run(["cargo", "build", "--release", "--manifest-path", manifest, *arguments], check=True)
    metadata = ["cargo", "metadata", "--format-version", "1", "--no-deps", "--manifest-path", manifest]
    target = json.loads(subprocess.run(metadata, check=True, capture_output=True).stdout)["target_directory"]
    return pathlib.Path(target) / "release"


def commands(chosen):
    """The command line of each library, as a function of the workload's name."""
    interpreter = python(chosen)
    limpide = chosen.limpide or build(ROOT / "Cargo.toml", "-p", "limpide-cli") / "limpide"
    programs = {"limpide": [limpide, "bench", "--json"]}
    for peer in chosen.peers:
        programs[peer] = [interpreter, HERE / f"peer_{peer}.py"]

    def command(name, workload):
        base, _, dtype = workload.partition("-")
        line = [*map(str, programs[name]), "--workload", base, "--threads", str(chosen.threads)]
        line += ["--epochs", str(chosen.epochs)]
        line += ["--dtype", dtype] if dtype else []
        return line + (["--data", str(chosen.data)] if chosen.data else [])

    return command


def run(line, chosen, given=None):
    """The JSON objects that a program prints, and the most memory it held, in MiB."""
    environment = {**os.environ, **dict.fromkeys(THREADS, str(chosen.threads)), **(AVX2 if chosen.avx2 else {})}

    def pin():
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: chosen.threads])

    process = subprocess.Popen(
        line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, preexec_fn=pin, text=True
    )
    # A program reads all of its input before the pipe of its output can fill, or reads none.
    process.stdin.write(given or "")
    process.stdin.close()
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(line)} failed")
    return [json.loads(text) for text in output.splitlines()], usage.ru_maxrss / 1024


def spread(values):
    return f"{min(values):.4g}–{max(values):.4g}"


def compare(workload, peers, command, chosen):
    """Alternates ours with each peer; the figures of each pair."""
    times = {peer: {"ours": [], "theirs": []} for peer in peers}
    rows = {peer: {"ours": [], "theirs": []} for peer in peers}
    memory = {}
    for number in range(chosen.rounds):
        for peer in peers:
            for side, name in [("ours", "limpide"), ("theirs", peer)]:
                (figures,), most = run(command(name, workload), chosen)
                times[peer][side] += figures["seconds_per_epoch"]
                if "one_row_us" in figures:
                    rows[peer][side].append(figures["one_row_us"])
                memory[name] = max(most, memory.get(name, 0))
                print(f"{workload} {number + 1}/{chosen.rounds} {name}: {figures['seconds_per_epoch']}", file=sys.stderr)
    pairs = []
    for what, unit, all_times in [(workload, "s", times), ("one row, dense 784-128-10", "µs", rows)]:
        for peer, sides in all_times.items():
            if not sides["theirs"]:
                continue
            ours, theirs = statistics.median(sides["ours"]), statistics.median(sides["theirs"])
            pairs.append({
                "workload": what, "unit": unit, "peer": peer, "ours": sides["ours"], "theirs": sides["theirs"],
                "ours_median": ours, "theirs_median": theirs, "ratio": theirs / ours,
                "ours_mib": memory["limpide"], "theirs_mib": memory[peer],
            })
    return pairs


def compare_sweep(command, chosen):
    """Every layer shape, ours and PyTorch's in turn; medians over the rounds."""
    rounds = []
    for number in range(chosen.rounds):
        ours, _ = run(command("limpide", "sweep"), chosen)
        theirs, _ = run(command("torch", "sweep"), chosen, "".join(json.dumps(row) + "\n" for row in ours))
        rounds.append((ours, theirs))
        print(f"sweep {number + 1}/{chosen.rounds}", file=sys.stderr)
    shapes = []
    for place, shape in enumerate(rounds[0][0]):
        ours = [ours[place]["us"] for ours, _ in rounds]
        theirs = [theirs[place]["us"] for _, theirs in rounds]
        shapes.append({
            "origin": shape["origin"], "layer": shape["layer"], "input": shape["input"], "ours": ours, "theirs": theirs,
            "ratio": statistics.median(theirs) / statistics.median(ours),
        })
    return shapes


def layer_text(layer):
    """A layer's description in a few words."""
    if layer["type"] == "Linear":
        return f"Linear {layer['in_features']}→{layer['out_features']}"
    text = f"Conv2d {layer['in_channels']}→{layer['out_channels']}, {'×'.join(map(str, layer['kernel_size']))}"
    text += f", stride {layer['stride'][0]}" if layer["stride"] != [1, 1] else ""
    return text + (f", groups {layer['groups']}" if layer["groups"] > 1 else "")


def tables(result):
    """The results as Markdown."""
    about = result["about"]
    lines = [f"{about['threads']} thread(s), {about['machine']}, {about['date']}; {about['rounds']} round(s), median (least–most)."]
    lines += ["AVX2 only."] if about["avx2"] else []
    lines += [f"{about['busy']} other process(es) computing meanwhile."] if about["busy"] else []
    if result["pairs"]:
        lines += ["", "| workload | peer | limpide | peer's time | ratio | memory, MiB |", "| --- | --- | --- | --- | --- | --- |"]
    for pair in result["pairs"]:
        cells = [pair["workload"], TITLES[pair["peer"]]]
        cells += [f"{pair[f'{side}_median']:.3g} {pair['unit']} ({spread(pair[side])})" for side in ["ours", "theirs"]]
        cells += [f"**{pair['ratio']:.2f}×**", f"{pair['ours_mib']:.0f}, {pair['theirs_mib']:.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    if result["shapes"]:
        ratios = [shape["ratio"] for shape in result["shapes"]]
        mean = math.exp(statistics.fmean(map(math.log, ratios)))
        lines += ["", f"Layers, forward and backward, against PyTorch: geometric mean {mean:.2f}×, least {min(ratios):.2f}×."]
        lines += ["", "| from | layer | input | limpide, µs | PyTorch, µs | ratio |", "| --- | --- | --- | --- | --- | --- |"]
    for shape in result["shapes"]:
        cells = [shape["origin"], layer_text(shape["layer"]), "×".join(map(str, shape["input"]))]
        cells += [f"{statistics.median(shape[side]):.4g} ({spread(shape[side])})" for side in ["ours", "theirs"]]
        lines.append(f"| {' | '.join([*cells, format(shape['ratio'], '.2f')])} |")
    return "\n".join(lines) + "\n"


def write(path, text):
    """The whole file or nothing of it."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def main():
    chosen = options()
    command = commands(chosen)
    chosen.out.mkdir(parents=True, exist_ok=True)
    cpu = pathlib.Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in cpu.read_text().splitlines() if "model name" in line] if cpu.exists() else []
    about = {
        "threads": chosen.threads, "rounds": chosen.rounds, "epochs": chosen.epochs, "avx2": chosen.avx2, "busy": chosen.busy,
        "machine": (names or [platform.processor()])[0], "date": time.strftime("%Y-%m-%d"),
    }
    result = {"about": about, "pairs": [], "shapes": []}
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(chosen.busy)]
    try:
        for workload in chosen.workloads:
            peers = [peer for peer in WORKLOADS[workload] if peer in chosen.peers]
            if workload != "sweep":
                result["pairs"] += compare(workload, peers, command, chosen)
            elif peers:
                result["shapes"] = compare_sweep(command, chosen)
            # After each, so that an interrupted run keeps what it has.
            write(chosen.out / "results.json", json.dumps(result, indent=1) + "\n")
            write(chosen.out / "results.md", tables(result))
    finally:
        for process in busy:
            process.kill()
    print((chosen.out / "results.md").read_text(encoding="utf-8"), end="")


main()

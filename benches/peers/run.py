#!/usr/bin/env python3
"""Runs limpide beside other libraries, on the same machine, threads and data, and writes tables with the ratios.

    benches/peers/run.py --data ~/datasets
    benches/peers/run.py --quick --sections one --peers torch --python ~/venv/bin/python

The programs take turns (ours, peer, peer, ours, ...), so that a machine whose speed drifts treats all alike. The first call
makes a virtual environment of requirements.txt and builds the crates in rust/. Needs Python 3.11 and Cargo, nothing else.
"""

import argparse
import collections
import json
import os
import pathlib
import platform
import shlex
import statistics
import subprocess
import sys
import time

import tables
from programs import HERE, RUST, TITLES, Program, programs

# What a turn is: its peers, and by what its seconds are multiplied, which gives which unit.
Workload = collections.namedtuple("Workload", "peers unit scale", defaults=["s", 1])
WORKLOADS = {
    "dense": Workload(list(TITLES)),
    "dense-f64": Workload(["torch", "jax", "numpy"]),
    "cnn": Workload(["torch", "jax", "burn", "candle"]),
    "normed": Workload(["torch"]),
    "autoencoder": Workload(["torch", "jax", "burn", "candle"]),
    "moons": Workload(["torch", "jax", *RUST], "µs a step", 1e6 / 1_000),
    "inference": Workload(["torch", "jax", "burn", "candle"]),
    "row": Workload(["torch", "jax", *RUST], "µs a row", 1e6 / 2_000),
}
IMAGES = 60_000
# So slow with some peers that a turn is fewer images.
CONVOLUTIONAL = ["cnn", "normed"]

Section = collections.namedtuple("Section", "title threads workloads peers avx2 busy", defaults=[list(TITLES), False, 0])
SECTIONS = {
    "one": Section("one thread", 1, list(WORKLOADS)),
    "two": Section("two threads", 2, ["dense", "cnn", "normed", "autoencoder", "inference"], ["torch", "jax"]),
    "busy": Section("two threads, while another process computes", 2, ["dense", "cnn"], ["torch"], busy=1),
    "avx2": Section("one thread, AVX2 and no more", 1, ["dense", "cnn"], ["torch"], avx2=True),
}
# Those with tables of their own.
OTHERS = ["scaling", "memory", "sweep"]


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sections = [*SECTIONS, *OTHERS]
    parser.add_argument("--sections", nargs="+", choices=sections, default=sections, metavar="NAME", help=", ".join(sections))
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, metavar="NAME", help=", ".join(WORKLOADS))
    parser.add_argument("--peers", nargs="+", choices=TITLES, default=list(TITLES), metavar="NAME", help=", ".join(TITLES))
    parser.add_argument("--threads", type=int, help="a section of its own with so many threads, each on its own core")
    parser.add_argument("--avx2", action="store_true", help="that section without AVX-512")
    parser.add_argument("--busy", type=int, default=0, help="that section while so many other processes compute")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each program (default 7), after one to warm up")
    parser.add_argument("--seconds", type=float, default=6, help="a peer has no more turns after so many (default 6), but two")
    parser.add_argument("--cnn-images", type=int, default=6_400, help="images in a turn of the convolutional networks "
                        "(default 6400; 60000 are a whole epoch, to which the times are scaled)")
    parser.add_argument("--sweep-rounds", type=int, default=2, help="rounds of the sweep (default 2)")
    parser.add_argument("--quick", action="store_true", help="one turn each, not warmed up, to see everything run")
    parser.add_argument("--data", type=pathlib.Path, help="folder with MNIST; random bytes of its shape otherwise")
    parser.add_argument("--python", help="an interpreter that has the packages, instead of a new environment")
    parser.add_argument("--limpide", help="a limpide binary, instead of building one")
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "results", help="folder of the results")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds = chosen.sweep_rounds = 1
    if chosen.threads or chosen.avx2 or chosen.busy:
        threads = chosen.threads or 1
        title = f"{threads} thread(s)" + ", AVX2 and no more" * chosen.avx2 + f", {chosen.busy} other process(es)" * bool(chosen.busy)
        SECTIONS["chosen"] = Section(title, threads, list(WORKLOADS), avx2=chosen.avx2, busy=chosen.busy)
        chosen.sections = ["chosen"]
    if min(chosen.rounds, chosen.sweep_rounds, chosen.cnn_images, chosen.threads or 1) < 1:
        parser.error("numbers of rounds, images and threads must be at least 1")
    if chosen.data and not chosen.data.is_dir():
        parser.error(f"--data: {chosen.data} is not a folder")
    return chosen


def arguments(workload, chosen):
    """The options that every program understands."""
    base, _, dtype = workload.partition("-")
    line = ["--workload", base, "--epochs", str(chosen.rounds + 1)]
    line += ["--dtype", dtype] if dtype else []
    line += ["--images", str(chosen.cnn_images)] if base in CONVOLUTIONAL else []
    return line + (["--data", str(chosen.data)] if chosen.data else [])


def alternate(workload, waiting, chosen):
    """The seconds of each program's turns, and the most memory each held."""
    times = {name: [] for name in waiting}
    for number in range(-1 if not chosen.quick else 0, chosen.rounds):
        for name, program in waiting.items():
            if name != "limpide" and len(times[name]) >= 2 and sum(times[name]) > chosen.seconds:
                continue
            seconds = program.turn()["seconds"]
            times[name] += [seconds] if number >= 0 else []
            print(f"{workload} {number + 1}/{chosen.rounds} {name}: {seconds:.4g} s", file=sys.stderr)
    return times, {name: program.end() for name, program in waiting.items()}


def compare(section, workload, lines, chosen):
    """Alternates ours with all peers; the figures of each pair."""
    peers, unit, scale = WORKLOADS[workload]
    peers = [peer for peer in peers if peer in section.peers and peer in chosen.peers]
    if not peers:
        return []
    scale *= IMAGES / min(chosen.cnn_images, IMAGES) if workload in CONVOLUTIONAL else 1
    line = {name: lines[name] + arguments(workload, chosen) for name in ["limpide", *peers]}
    waiting = {name: Program(line[name], section.threads, section.avx2) for name in line}
    times, ends = alternate(workload, waiting, chosen)
    ours = [scale * seconds for seconds in times.pop("limpide")]
    pairs = []
    for peer, theirs in times.items():
        theirs = [scale * seconds for seconds in theirs]
        pairs.append({
            "workload": workload, "unit": unit, "peer": peer, "ours": ours, "theirs": theirs,
            "ratio": statistics.median(theirs) / statistics.median(ours),
            "ours_mib": ends["limpide"][1], "theirs_mib": ends[peer][1],
            "ours_loss": ends["limpide"][0].get("loss"), "theirs_loss": ends[peer][0].get("loss"),
        })
    return pairs


def scaling(lines, chosen):
    """Ours with two threads and ours with one, in turn."""
    rows = []
    for workload in ["dense", "cnn", "normed", "autoencoder"]:
        line = lines["limpide"] + arguments(workload, chosen)
        times, _ = alternate(workload, {"limpide": Program(line, 2, False), "one thread": Program(line, 1, False)}, chosen)
        scale = IMAGES / min(chosen.cnn_images, IMAGES) if workload in CONVOLUTIONAL else 1
        one, two = ([scale * seconds for seconds in times[name]] for name in ["one thread", "limpide"])
        rows.append({"workload": workload, "one": one, "two": two, "ratio": statistics.median(one) / statistics.median(two)})
    return rows


def memory(lines, chosen):
    """What ours holds while it trains an epoch of all images."""
    rows = []
    for workload in ["dense", "cnn"]:
        for threads in [1, 2]:
            whole = argparse.Namespace(**{**vars(chosen), "cnn_images": IMAGES})
            program = Program(lines["limpide"] + arguments(workload, whole), threads, False)
            program.turn()
            figures, _ = program.end()
            rows.append({"workload": workload, "threads": threads} | {
                name: figures[name] for name in ["data_mib", "parameters_mib", "peak_mib"]
            })
    return rows


def sweep(lines, chosen):
    """Every layer shape, ours and PyTorch's in turn."""
    shapes = []
    line = ["--workload", "sweep"]
    for number in range(chosen.sweep_rounds):
        ours, theirs = (Program(lines[name] + line, 1, False) for name in ["limpide", "torch"])
        place = 0
        while "us" in (shape := ours.turn()):
            if number == 0:
                shapes.append({**{key: shape[key] for key in ["origin", "layer", "input"]}, "ours": [], "theirs": []})
            shapes[place]["ours"].append(shape["us"])
            shapes[place]["theirs"].append(theirs.turn(json.dumps(shape))["us"])
            place += 1
        print(f"sweep {number + 1}/{chosen.sweep_rounds}", file=sys.stderr)
        ours.end(), theirs.end()
    for shape in shapes:
        shape["ratio"] = statistics.median(shape["theirs"]) / statistics.median(shape["ours"])
    return shapes


def machine():
    """This machine in words."""
    cpu = pathlib.Path("/proc/cpuinfo")
    lines = [line.split(":", 1) for line in cpu.read_text().splitlines() if ":" in line] if cpu.exists() else []
    facts = {name.strip(): value.strip() for name, value in lines}
    flags = facts.get("flags", "").split()
    widest = next((name for flag, name in [("avx512f", "AVX-512"), ("avx2", "AVX2")] if flag in flags), None)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    model = facts.get("model name") or platform.processor() or platform.machine()
    parts = [model, f"family {facts['cpu family']} model {facts['model']}" if "cpu family" in facts else None]
    parts += [f"{cores} core(s)", widest, platform.system()]
    return {"words": ", ".join(part for part in parts if part), "cores": cores, "avx512": widest == "AVX-512"}


def reason_to_skip(name, here, chosen):
    """Why a section cannot be measured here."""
    if name == "avx2" and not here["avx512"]:
        return "This machine has no AVX-512: everything above is AVX2 and no more."
    threads = SECTIONS[name].threads if name in SECTIONS else 2 if name in ["scaling", "memory"] else 1
    if threads > here["cores"]:
        return f"It wants {threads} cores, and here are {here['cores']}."
    if name == "sweep" and "torch" not in chosen.peers:
        return "It is against PyTorch, which was left out."
    return None


def measure(name, lines, chosen, keep):
    """A section of the results; `keep` stores what is there so far."""
    if name in OTHERS:
        return {"rows": {"scaling": scaling, "memory": memory, "sweep": sweep}[name](lines, chosen)}
    section, rows = SECTIONS[name], []
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(section.busy)]
    try:
        for workload in section.workloads:
            if workload in (chosen.workloads or section.workloads):
                rows += compare(section, workload, lines, chosen)
                # After each, so that an interrupted run keeps what it has.
                keep({"title": section.title, "rows": rows})
    finally:
        for process in busy:
            process.kill()
    return {"title": section.title, "rows": rows}


def command_line(name):
    """How to measure a section alone, without the folders of this machine."""
    words, hide = [], {"--data": "DIR", "--python": "PYTHON", "--limpide": "LIMPIDE", "--out": "DIR"}
    given = iter(sys.argv[1:])
    while (word := next(given, None)) is not None:
        option, _, value = word.partition("=")
        if option in hide:
            value or next(given)
            words += [option, hide[option]]
        elif option != "--sections":
            words.append(word)
        elif not value:
            # The names of the sections follow, up to the next option.
            rest = list(given)
            ends = next((place for place, word in enumerate(rest) if word.startswith("-")), len(rest))
            given = iter(rest[ends:])
    return shlex.join(["benches/peers/run.py", *words]) + (f" --sections {name}" if name != "chosen" else "")


def write(path, text):
    """The whole file or nothing of it."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def main():
    chosen = options()
    lines = programs(chosen)
    here = machine()
    chosen.out.mkdir(parents=True, exist_ok=True)
    about = {"machine": here["words"], "date": time.strftime("%Y-%m-%d"), "rounds": chosen.rounds}
    about |= {"cnn_images": chosen.cnn_images, "sweep_rounds": chosen.sweep_rounds}
    result = {"about": about, "sections": {}}
    start = time.monotonic()

    def keep(name, section):
        result["sections"][name] = {"command": command_line(name), **section}
        result["about"]["seconds"] = round(time.monotonic() - start)
        write(chosen.out / "results.json", json.dumps(result, indent=1) + "\n")
        write(chosen.out / "results.md", tables.markdown(result))

    for name in chosen.sections:
        reason = reason_to_skip(name, here, chosen)
        keep(name, {"reason": reason} if reason else measure(name, lines, chosen, lambda section: keep(name, section)))
    print((chosen.out / "results.md").read_text(encoding="utf-8"), end="")


if __name__ == "__main__":
    main()

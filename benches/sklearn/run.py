#!/usr/bin/env python3
"""`limpide train X.csv --target Y` beside scikit-learn's multi-layer perceptrons, on data that nobody tuned.

    benches/sklearn/run.py

exports scikit-learn's iris, wine, breast cancer, digits and diabetes to CSV, cuts each into five folds, and has both sides learn
four of them and answer the fifth: limpide with no option but the target, scikit-learn with the default settings of
MLPClassifier or MLPRegressor behind a StandardScaler. Both get the same rows of the same files. The score is the accuracy, or
R² for diabetes. It is repeated with other folds, since a fold of iris is 30 flowers, and the mean over all folds is compared.

What is timed is the whole of a process: start, reading CSV, learning, answering, writing. `--warm` times scikit-learn's fit and
predict alone, within one process, beside limpide's whole processes.

The first call makes a virtual environment of requirements.txt; results/ gets the table. Needs Python 3.11 and Cargo.
"""

import argparse
import csv
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TARGETS = {"iris": "species", "wine": "cultivar", "breast_cancer": "diagnosis", "digits": "digit", "diabetes": "progression"}


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=TARGETS, default=list(TARGETS), metavar="NAME", help=", ".join(TARGETS))
    parser.add_argument("--folds", type=int, default=5, help="parts of each set (default 5)")
    parser.add_argument("--repeats", type=int, default=3, help="other folds, each with a seed of its own (default 3)")
    parser.add_argument("--seed", type=int, default=1, help="of the first folds (default 1)")
    parser.add_argument("--seeds", type=int, default=1, help="start values of both sides, 1 and on (default 1)")
    parser.add_argument("--warm", action="store_true", help="time scikit-learn's fit and predict within one process")
    parser.add_argument("--python", help="an interpreter that has the packages, instead of .venv")
    parser.add_argument("--limpide", help="a binary that is built, instead of building one")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="passed on to limpide train")
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "results", help="where the table goes")
    return parser.parse_args()


def environment():
    """The interpreter of a virtual environment with the pinned versions."""
    python = HERE / ".venv/bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", HERE / ".venv"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", "-r", HERE / "requirements.txt"], check=True)
    return str(python)


def build():
    subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "limpide-cli"], cwd=ROOT, check=True)
    return str(ROOT / "target/release/limpide")


def load(name):
    """The columns' names, the rows, and the target of each, as a person would have them in a spreadsheet."""
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")(**({"scaled": False} if name == "diabetes" else {}))
    names = [str(column).replace(" (cm)", "").replace(" ", "_") for column in bunch.feature_names]
    target = bunch.target if name == "diabetes" else [str(bunch.target_names[label]) for label in bunch.target]
    return names, bunch.data.tolist(), [float(y) if name == "diabetes" else y for y in target]


def write(path, names, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([names, *rows])


def export(folder, args):
    """Writes the files of all folds: train.csv, test.csv without the target, and the answers."""
    from sklearn.model_selection import KFold, StratifiedKFold

    for name in args.sets:
        names, rows, target = load(name)
        write(folder / f"{name}.csv", [*names, TARGETS[name]], [[*row, y] for row, y in zip(rows, target)])
        for repeat in range(args.repeats):
            kind = KFold if name == "diabetes" else StratifiedKFold
            folds = kind(args.folds, shuffle=True, random_state=args.seed + repeat).split(rows, target)
            for fold, (train, test) in enumerate(folds):
                place = folder / name / f"{repeat}-{fold}"
                place.mkdir(parents=True)
                write(place / "train.csv", [*names, TARGETS[name]], [[*rows[i], target[i]] for i in train])
                write(place / "test.csv", names, [rows[i] for i in test])
                (place / "answers.json").write_text(json.dumps([target[i] for i in test]))


def fit(place, target, seed):
    """scikit-learn on one fold, from file to file; the seconds of fit and predict."""
    import warnings

    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    warnings.filterwarnings("ignore")  # "maximum iterations reached": the default settings are what is compared
    place = pathlib.Path(place)
    with open(place / "train.csv", newline="") as file:
        rows = list(csv.reader(file))[1:]
    with open(place / "test.csv", newline="") as file:
        test = [[float(cell) for cell in row] for row in list(csv.reader(file))[1:]]
    x, y = [[float(cell) for cell in row[:-1]] for row in rows], [row[-1] for row in rows]
    regression = target == "progression"
    model = make_pipeline(StandardScaler(), (MLPRegressor if regression else MLPClassifier)(random_state=int(seed)))
    start = time.perf_counter()
    answers = model.fit(x, [float(value) for value in y] if regression else y).predict(test)
    seconds = time.perf_counter() - start
    write(place / "sklearn.csv", [target], [[answer] for answer in answers])
    return seconds


def limpide(binary, place, target, settings):
    """limpide on one fold, from file to file; the seconds of both processes."""
    run = place / "run"
    start = time.perf_counter()
    for words in (["train", place / "train.csv", "--target", target, "--out", run,
                   *(word for setting in settings for word in ("--set", setting))],
                  ["predict", run, place / "test.csv", "--out", place / "limpide.csv"]):
        done = subprocess.run([binary, *map(str, words)], capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
    return time.perf_counter() - start


def score(place, who, target):
    """Accuracy, or R²."""
    wanted = json.loads((place / "answers.json").read_text())
    with open(place / f"{who}.csv", newline="") as file:
        got = [row[target] for row in csv.DictReader(file)]
    if target != "progression":
        return sum(a == b for a, b in zip(got, wanted, strict=True)) / len(wanted)
    mean = statistics.fmean(wanted)
    left = sum((float(a) - b) ** 2 for a, b in zip(got, wanted, strict=True))
    return 1 - left / sum((b - mean) ** 2 for b in wanted)


def compare(folder, args, binary):
    """A line for each set: the mean scores of each seed over all folds, and the mean seconds."""
    lines = []
    for name in args.sets:
        target, scores, seconds = TARGETS[name], {"limpide": [], "sklearn": []}, {"limpide": [], "sklearn": []}
        for seed in range(1, args.seeds + 1):
            own = {"limpide": [], "sklearn": []}
            for place in sorted((folder / name).iterdir()):
                shutil.rmtree(place / "run", ignore_errors=True)
                (place / "limpide.csv").unlink(missing_ok=True)
                settings = [*args.set, *([f"seed={seed}"] if args.seeds > 1 else [])]
                seconds["limpide"].append(limpide(binary, place, target, settings))
                own["limpide"].append(score(place, "limpide", target))
                start = time.perf_counter()
                if args.warm:
                    seconds["sklearn"].append(fit(place, target, seed))
                else:
                    subprocess.run([sys.executable, __file__, "--fit", str(place), target, str(seed)], check=True)
                    seconds["sklearn"].append(time.perf_counter() - start)
                own["sklearn"].append(score(place, "sklearn", target))
            for who, all_folds in own.items():
                scores[who].append(statistics.fmean(all_folds))
        lines.append((name, {who: (scores[who], statistics.fmean(seconds[who])) for who in scores}))
        print(lines[-1], file=sys.stderr)
    return lines


def shown(scores):
    """The mean over the seeds, and the least and the most."""
    mean = f"{statistics.fmean(scores):.4f}"
    return mean if len(scores) == 1 else f"{mean} ({min(scores):.4f}–{max(scores):.4f})"


def table(lines, args):
    warm = ", fit and predict alone for scikit-learn" if args.warm else ""
    text = f"""| set | score | Limpide | scikit-learn {__import__("sklearn").__version__} | seconds: Limpide | scikit-learn | ratio |
| --- | --- | --- | --- | --- | --- | --- |
"""
    for name, own in lines:
        (mine, my_seconds), (theirs, their_seconds) = own["limpide"], own["sklearn"]
        kind = "R²" if name == "diabetes" else "accuracy"
        text += (f"| {name} | {kind} | {shown(mine)} | {shown(theirs)} | {my_seconds:.3f} | {their_seconds:.3f} "
                 f"| {their_seconds / my_seconds:.1f}× |\n")
    words = " ".join(sys.argv[1:])
    return text + (f"\nMeans over {args.repeats} × {args.folds} folds and {args.seeds} seed(s); seconds of a fold{warm}. {platform.machine()}, "
                   f"{os.cpu_count()} cores. `benches/sklearn/run.py{' ' + words if words else ''}`\n")


def main():
    if sys.argv[1:2] == ["--fit"]:
        fit(*sys.argv[2:])
        return
    args = options()
    python = args.python or environment()
    if pathlib.Path(sys.executable) != pathlib.Path(python):
        os.execv(python, [python, __file__, *sys.argv[1:]])
    binary = args.limpide or build()
    with tempfile.TemporaryDirectory() as folder:
        export(pathlib.Path(folder), args)
        lines = compare(pathlib.Path(folder), args, binary)
    args.out.mkdir(parents=True, exist_ok=True)
    result = table(lines, args)
    (args.out / "results.md").write_text(result)
    (args.out / "results.json").write_text(json.dumps(dict(lines), indent=1))
    print(result, end="")


if __name__ == "__main__":
    main()

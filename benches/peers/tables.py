"""The results as Markdown: medians, spreads and ratios, each table with its command."""

import math
import statistics

from programs import TITLES

NAMES = {
    "dense": "dense 784-128-10, an epoch", "dense-f64": "dense in f64, an epoch", "cnn": "the report's CNN, an epoch",
    "normed": "two blocks with batch norm, an epoch",
    "autoencoder": "autoencoder 784-128-64-32, an epoch", "moons": "moons 2-16-1, batch of 32",
    "inference": "CNN on 10,000 images", "row": "dense 784-128-10 on one row",
}


def markdown(result):
    """Everything."""
    about = result["about"]
    lines = [
        f"Measured on {about['machine']}; {about['date']}; {about['seconds']} s in all. Medians (least–most) of up to "
        f"{about['rounds']} turns; a ratio above 1 says that Limpide is faster. An epoch has 60,000 images in batches of 64; those of "
        f"the convolutional networks are scaled from {about['cnn_images']:,} images a turn."
    ]
    kinds = {"scaling": scaling, "memory": memory, "sweep": sweep}
    titles = {"scaling": "Two threads against one", "memory": "Memory of training", "sweep": "Single layers, one thread"}
    for name, section in result["sections"].items():
        title = section.get("title") or titles.get(name, name)
        lines += ["", f"## {title[0].upper()}{title[1:]}", "", f"`{section['command']}`", ""]
        lines += [section["reason"]] if "reason" in section else kinds.get(name, pairs)(section["rows"])
    return "\n".join(lines) + "\n"


def spread(values, unit=""):
    """A median with the least and the most; the number of values where there are few."""
    few = f", {len(values)} turns" if len(values) < 3 else ""
    return f"{statistics.median(values):.3g}{unit} ({min(values):.3g}–{max(values):.3g}{few})"


def table(head, rows):
    rules = ["---"] * len(head)
    return [f"| {' | '.join(map(str, cells))} |" for cells in [head, rules, *rows]]


def pairs(rows):
    def cells(row):
        times = [spread(row[side], f" {row['unit']}") for side in ["ours", "theirs"]]
        held = f"{row['ours_mib']:.0f}, {row['theirs_mib']:.0f}"
        return [NAMES[row["workload"]], TITLES[row["peer"]], *times, f"**{row['ratio']:.2f}×**", held]

    return table(["workload", "peer", "limpide", "peer's time", "ratio", "memory, MiB: ours, theirs"], map(cells, rows))


def scaling(rows):
    cells = ([NAMES[row["workload"]], spread(row["one"], " s"), spread(row["two"], " s"), f"**{row['ratio']:.2f}×**"] for row in rows)
    return table(["workload", "one thread", "two threads", "ratio"], cells)


def memory(rows):
    def cells(row):
        least = row["data_mib"] + row["parameters_mib"] + 64
        held = [f"{row[part]:.1f}" for part in ["data_mib", "parameters_mib"]]
        most = row["peak_mib"]
        share = f"**{most / least:.2f}×**" if most else "not told here"
        return [NAMES[row["workload"]], row["threads"], *held, f"{most:.0f}" if most else "", f"{1.5 * least:.0f}", share]

    head = ["workload", "threads", "data as stored, MiB", "parameters, MiB", "process at most, MiB"]
    return table([*head, "bound: 1.5 × (data + parameters + 64), MiB", "most / (data + parameters + 64)"], map(cells, rows))


def layer_text(layer):
    """A layer's description in a few words."""
    if layer["type"] == "Linear":
        return f"Linear {layer['in_features']}→{layer['out_features']}"
    text = f"{layer['type']} {layer['in_channels']}→{layer['out_channels']}, {'×'.join(map(str, layer['kernel_size']))}"
    text += f", stride {layer['stride'][0]}" if layer["stride"] != [1, 1] else ""
    return text + (f", groups {layer['groups']}" if layer["groups"] > 1 else "")


def sweep(rows):
    ratios = [row["ratio"] for row in rows]
    mean, least = math.exp(statistics.fmean(map(math.log, ratios))), min(rows, key=lambda row: row["ratio"])
    where = f"{layer_text(least['layer'])} on {'×'.join(map(str, least['input']))}"
    lines = [
        f"Forward and backward, to parameters and input, against PyTorch: geometric mean **{mean:.2f}×** of {len(rows)} shapes, least "
        f"**{least['ratio']:.2f}×** ({where}); {sum(ratio < 1 for ratio in ratios)} under 1×, {sum(ratio < 0.7 for ratio in ratios)} under 0.7×.",
        "",
    ]

    def cells(row):
        times = [spread(row[side]) for side in ["ours", "theirs"]]
        return [row["origin"], layer_text(row["layer"]), "×".join(map(str, row["input"])), *times, f"{row['ratio']:.2f}"]

    return lines + table(["from", "layer", "input", "limpide, µs", "PyTorch, µs", "ratio"], map(cells, rows))

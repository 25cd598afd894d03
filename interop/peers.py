"""The Python half of the comparison: reads what limpide has written to a folder, and leaves what PyTorch writes beside it.

For every network:
- onnx.checker takes our graph, and onnxruntime gives our outputs, for three samples and for one;
- PyTorch takes our weights with strict=True into the same architecture and gives our outputs;
- PyTorch's own weights, its outputs and its ONNX graph are left for limpide to read.
"""

import pathlib
import sys

import numpy
import onnx
import onnxruntime
from safetensors.numpy import load_file

try:
    import pytorch
except ImportError as error:
    pytorch = None
    print(f"skipped: PyTorch ({error})")

TOLERANCE = 1e-5


class Tally:
    """What has been compared, and how far the furthest lay apart."""

    def __init__(self):
        self.counts, self.furthest, self.failed = {}, {}, 0

    def compare(self, name, what, found, wanted):
        same_shape = found.shape == wanted.shape
        distance = float(numpy.max(numpy.abs(found - wanted), initial=0.0)) if same_shape else float("inf")
        self.counts[what] = self.counts.get(what, 0) + 1
        self.furthest[what] = max(self.furthest.get(what, 0.0), distance)
        if not distance <= TOLERANCE:
            self.fail(name, f"{what}: {distance} apart, shapes {found.shape} and {wanted.shape}")

    def fail(self, name, problem):
        self.failed += 1
        print(f"{name}: {problem}")

    def print(self):
        for what, count in self.counts.items():
            print(f"{what}: {count} compared, at most {self.furthest[what]:.1e} apart")
        print(f"{self.failed} failed")


def onnx_half(tally, name, graph, samples):
    model = onnx.load(graph)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    x, y = samples["x"], samples["y"]
    if session.get_inputs()[0].type == "tensor(double)":
        x = x.astype(numpy.float64)
    for rows in (len(x), 1):
        (found,) = session.run(["output"], {"input": x[:rows]})
        tally.compare(name, "onnxruntime on our graph", found, y[:rows])


def main():
    folder = pathlib.Path(sys.argv[1])
    tally = Tally()
    for file in sorted(folder.glob("*.model.safetensors")):
        name = file.name.removesuffix(".model.safetensors")
        samples = load_file(folder / f"{name}.samples.safetensors")
        try:
            onnx_half(tally, name, folder / f"{name}.onnx", samples)
            standardized = load_file(folder / f"{name}.standardized.samples.safetensors")
            onnx_half(tally, f"{name}, standardized", folder / f"{name}.standardized.onnx", standardized)
            if pytorch:
                pytorch.compare(tally, name, file, folder, samples)
        except Exception as error:  # the others are to be compared all the same
            tally.fail(name, f"{type(error).__name__}: {error}")
    tally.print()
    return int(tally.failed > 0)


if __name__ == "__main__":
    sys.exit(main())

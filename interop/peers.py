"""The Python half of the comparison: reads what limpide has written to a folder, and leaves what PyTorch writes beside it.

For every network:
- onnx.checker takes our graph, and onnxruntime gives our outputs, for three samples and for one;
- PyTorch takes our weights with strict=True into the same architecture and gives our outputs;
- PyTorch's own weights, its outputs and its ONNX graph are left for limpide to read.
"""

import json
import pathlib
import sys
import warnings

import numpy
import onnx
import onnxruntime
from safetensors import safe_open
from safetensors.numpy import load_file

try:
    import torch
    from safetensors.torch import load_file as load_torch
    from safetensors.torch import save_file
    from torch import nn
except ImportError as error:
    torch = None
    print(f"skipped: PyTorch ({error})")

TOLERANCE = 1e-5
# What PyTorch's exporter refuses, or writes in operators that no layer is: shapes computed from shapes, formulas spelled out.
NO_GRAPH = ["adaptive_avg_pool2d_overlapping", "zero_pad2d", "flatten_some", "reshape", "gelu_tanh", "group_norm"]


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


if torch:

    class Residual(nn.Sequential):
        """x + f(x), with f's parameters named as a chain's are."""

        def forward(self, x):
            return x + super().forward(x)


    class AutoEncoder(nn.Module):
        def __init__(self, encoder, decoder):
            super().__init__()
            self.encoder, self.decoder = encoder, decoder

        def forward(self, x):
            return self.decoder(self.encoder(x))


    class Reshape(nn.Module):
        def __init__(self, shape):
            super().__init__()
            self.shape = shape

        def forward(self, x):
            return x.reshape(x.shape[0], *self.shape)


    def build(description):
        """The module of PyTorch that a description in the header of our file stands for."""
        options = dict(description)
        kind = options.pop("type")
        if kind in ("Sequential", "Residual"):
            container = {"Sequential": nn.Sequential, "Residual": Residual}[kind]
            return container(*map(build, options["layers"]))
        if kind == "AutoEncoder":
            halves = [nn.Sequential(*map(build, options[half])) for half in ("encoder", "decoder")]
            return AutoEncoder(*halves)
        if kind == "Reshape":
            return Reshape(options["shape"])
        if kind == "GlobalAvgPool2d":
            return nn.AdaptiveAvgPool2d(1)
        if kind == "Upsample":
            options["scale_factor"] = tuple(float(factor) for factor in options["scale_factor"])
        options = {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
        return getattr(nn, kind)(**options)


def onnx_half(tally, name, graph, samples):
    model = onnx.load(graph)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    x, y = samples["x"], samples["y"]
    for rows in (len(x), 1):
        (found,) = session.run(["output"], {"input": x[:rows]})
        tally.compare(name, "onnxruntime on our graph", found, y[:rows])


def torch_half(tally, name, file, folder, samples):
    with safe_open(file, framework="pt") as archive:
        description = json.loads(archive.metadata()["limpide"])["model"]
    network = build(description).eval()
    network.load_state_dict(load_torch(file), strict=True)
    x = torch.from_numpy(samples["x"])
    with torch.no_grad():
        tally.compare(name, "PyTorch with our weights", network(x).numpy(), samples["y"])
    # PyTorch's own start values, and what a batch of training leaves in its buffers.
    torch.manual_seed(5)
    network = build(description)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        network.train()(x * 2.0 + 0.5)
        y = network.eval()(x)
    save_file(network.state_dict(), folder / f"{name}.torch.safetensors")
    save_file({"x": x, "y": y.clone().contiguous()}, folder / f"{name}.torch.samples.safetensors")
    if name in NO_GRAPH:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (x,), folder / f"{name}.torch.onnx", dynamo=False, opset_version=17,
            input_names=["input"], output_names=["output"], dynamic_axes={"input": {0: "batch"}},
        )


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
            if torch:
                torch_half(tally, name, file, folder, samples)
        except Exception as error:  # the others are to be compared all the same
            tally.fail(name, f"{type(error).__name__}: {error}")
    tally.print()
    return int(tally.failed > 0)


if __name__ == "__main__":
    sys.exit(main())

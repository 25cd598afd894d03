"""The same networks in PyTorch."""

import json
import warnings

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

# What PyTorch's exporter refuses, or writes in operators that no layer is: shapes computed from shapes, formulas spelled out.
NO_GRAPH = ["adaptive_avg_pool2d_overlapping", "zero_pad2d", "flatten_some", "reshape", "gelu_tanh", "group_norm"]


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


def compare(tally, name, file, folder, samples):
    """Our weights in PyTorch; and what PyTorch writes, left in the folder."""
    with safe_open(file, framework="pt") as archive:
        description = json.loads(archive.metadata()["limpide"])["model"]
    network = build(description).eval()
    network.load_state_dict(load_file(file), strict=True)
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

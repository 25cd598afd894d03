"""JAX: a whole epoch as one compiled scan over the shuffled batches. Compiling is not timed."""

import common
import jax
import numpy as np
from jax import lax
from jax import numpy as jnp


def linear(key, a, b):
    return {"w": jax.random.uniform(key, (b, a), minval=-1, maxval=1) / np.sqrt(a), "b": jnp.zeros(b)}


def conv(key, a, b):
    return {"w": jax.random.uniform(key, (3, 3, a, b), minval=-1, maxval=1) / np.sqrt(9 * a), "b": jnp.zeros(b)}


def convolved(layer, x):
    # Channels last, the layout that XLA prefers on a CPU.
    z = lax.conv_general_dilated(x, layer["w"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return z + layer["b"]


def pooled(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def dense_layer(layer, x):
    return x @ layer["w"].T + layer["b"]


def mlp(ends):
    def forward(layers, x):
        for layer, end in zip(layers, ends):
            x = end(dense_layer(layer, x))
        return x

    return forward


def cnn(layers, x):
    x = pooled(jnp.tanh(convolved(layers[0], x.reshape(-1, 28, 28, 1))))
    x = pooled(jnp.tanh(convolved(layers[1], x)))
    return dense_layer(layers[2], x.reshape(len(x), -1))


def same(x):
    return x


def network(workload):
    """Parameters and forward function."""
    keys = jax.random.split(jax.random.key(1), 8)
    if workload == "cnn":
        return [conv(keys[0], 1, 16), conv(keys[1], 16, 32), linear(keys[2], 1568, 10)], cnn
    sizes, ends = {
        "dense": ([784, 128, 10], [jnp.tanh, same]),
        "autoencoder": ([784, 128, 64, 32, 64, 128, 784], [jnp.tanh, jnp.tanh, same, jnp.tanh, jnp.tanh, jax.nn.sigmoid]),
        "moons": ([2, 16, 1], [jnp.tanh, same]),
    }[workload]
    return [linear(key, a, b) for key, a, b in zip(keys, sizes, sizes[1:])], mlp(ends)


def cross_entropy(z, y):
    return -jnp.sum(jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], 1))


LOSSES = {
    "dense": cross_entropy,
    "cnn": cross_entropy,
    "autoencoder": lambda z, y: jnp.sum((z - y) ** 2),
    "moons": lambda z, y: jnp.mean(jnp.maximum(z, 0) - z * y + jnp.log1p(jnp.exp(-jnp.abs(z)))),
}


def train(options, dtype):
    x, y = map(jnp.asarray, common.training_data(options, dtype))
    parameters, forward = network(options.workload)
    batch, rate = common.BATCH.get(options.workload, 64), common.RATE[options.workload]
    slope = jax.value_and_grad(lambda layers, x, y: LOSSES[options.workload](forward(layers, x), y))

    @jax.jit
    def epoch(parameters, key):
        order = jax.random.permutation(key, len(x))
        rows = order[: len(x) // batch * batch].reshape(-1, batch)

        def step(parameters, rows):
            loss, gradients = slope(parameters, x[rows], y[rows])
            return jax.tree.map(lambda p, g: p - rate * g, parameters, gradients), loss

        parameters, losses = lax.scan(step, parameters, rows)
        return parameters, losses.sum()

    compiled = epoch.lower(parameters, jax.random.key(0)).compile()
    state = {"parameters": parameters, "number": 0}

    def run():
        state["number"] += 1
        state["parameters"], total = compiled(state["parameters"], jax.random.key(state["number"]))
        return float(total)

    total = common.turns(options, run)
    terms = {"moons": len(x) / batch, "autoencoder": x.size}.get(options.workload, len(x))
    common.report(loss=total / terms)


def inference(options, dtype):
    x = jnp.asarray(common.mnist("t10k", 10_000, options, dtype)[0]).reshape(-1, 1, 28, 28)
    parameters, forward = network("cnn")
    forward = jax.jit(forward)

    def run(batch):
        jax.block_until_ready([forward(parameters, x[i : i + batch]) for i in range(0, len(x), batch)])

    # The first of two calls compiles.
    best = common.best_batch([50, 250, 1_000], run)
    common.turns(options, lambda: run(best))
    common.report(batch=best)


def row(options, dtype):
    parameters, forward = network("dense")
    forward, one = jax.jit(forward), jnp.ones((1, 784), dtype)
    run = lambda: [forward(parameters, one).block_until_ready() for _ in range(common.ROWS)]
    run()
    common.turns(options, run)
    common.report()


def main():
    options = common.options()
    jax.config.update("jax_enable_x64", options.dtype == "f64")
    dtype = {"f32": np.float32, "f64": np.float64}[options.dtype]
    {"inference": inference, "row": row}.get(options.workload, train)(options, dtype)


main()

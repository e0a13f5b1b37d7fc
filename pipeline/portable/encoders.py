"""The encoders of `pipeline.classifier.encoders` in NumPy: from word vectors to features, and back.

Texts with the same number of tokens are computed together, so that there is no padding. Arrays go
by time: `x`: float32 array, (tokens, n, width). `features(x)` gives float32 array, (n, n_features).
`gradient(x, given)` goes back: from the gradient of a number at the features, (n, n_features), to
its gradient at `x`, of the shape of `x`. Where a maximum is at several places, they share it
equally.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
_IN_CACHE = 1_024  # tokens at a time, whose convolutions stay in a core's cache


class Encoder(Protocol):
    """From word vectors to features."""

    def features(self, x: Array) -> Array:
        """Of texts with the same number of tokens, at least one."""

    def gradient(self, x: Array, given: Array) -> Array:
        """The gradient at `x` of a number with the gradient `given` at the features."""


@dataclass(frozen=True, eq=False)
class Mean:
    """Mean and maximum over the tokens."""

    def features(self, x: Array) -> Array:
        return np.concatenate([x.mean(axis=0), x.max(axis=0)], axis=1)

    def gradient(self, x: Array, given: Array) -> Array:
        mean, highest = np.split(given, 2, axis=1)
        return mean / np.float32(len(x)) + _share_of_maximum(x) * highest


@dataclass(frozen=True, eq=False)
class Cnn:
    """The maximum of convolutions behind a ReLU. `kernels`, of each size: (size, width, filters);
    `biases`: (filters,)."""

    kernels: tuple[Array, ...]
    biases: tuple[Array, ...]

    def features(self, x: Array) -> Array:
        at_once = max(1, _IN_CACHE // len(x))
        highest = np.concatenate(
            [
                np.concatenate([each.max(axis=0) for each in self._convolved(part)], axis=1)
                for part in (x[:, i : i + at_once] for i in range(0, x.shape[1], at_once))
            ]
        )
        return np.maximum(highest + np.concatenate(self.biases), 0)  # ReLU and maximum commute

    def gradient(self, x: Array, given: Array) -> Array:
        total, start = np.zeros_like(x), 0
        for kernel, bias, convolved in zip(
            self.kernels, self.biases, self._convolved(x), strict=True
        ):
            size, _, filters = kernel.shape
            positive = convolved.max(axis=0) + bias > 0
            back = _share_of_maximum(convolved) * positive * given[:, start : start + filters]
            start += filters
            for offset in range(size):
                source, target = _shifted(len(x), offset - (size - 1) // 2)
                total[target] += times(back[source], kernel[offset].T)
        return total

    def _convolved(self, x: Array) -> Iterator[Array]:
        """Each convolution, with zeros beyond the ends, as Keras's `same`: (tokens, n, filters)."""
        n_tokens, n, width = x.shape
        longest = max(map(len, self.kernels))
        before = (longest - 1) // 2
        windows = np.zeros((n_tokens, n, longest, width), np.float32)  # around each token
        for offset in range(longest):
            target, source = _shifted(n_tokens, offset - before)
            windows[target, :, offset] = x[source]
        rows = windows.reshape(n_tokens * n, longest * width)
        for kernel in self.kernels:
            size, _, filters = kernel.shape
            first = (before - (size - 1) // 2) * width
            product = rows[:, first : first + size * width] @ kernel.reshape(-1, filters)
            yield product.reshape(n_tokens, n, filters)


@dataclass(frozen=True, eq=False)
class Attention:
    """Learned weighted means, and the maximum. `kernel`: (width, heads); `bias`: (heads,)."""

    kernel: Array
    bias: Array

    def features(self, x: Array) -> Array:
        means = np.einsum("tnh,tnw->nhw", self._weights(x), x)
        return np.concatenate([means.reshape(x.shape[1], -1), x.max(axis=0)], axis=1)

    def gradient(self, x: Array, given: Array) -> Array:
        heads, width = len(self.bias), x.shape[2]
        weights = self._weights(x)
        means = given[:, : heads * width].reshape(-1, heads, width)
        at_weights = np.einsum("nhw,tnw->tnh", means, x)
        at_scores = weights * (at_weights - (weights * at_weights).sum(axis=0))
        through_means = np.einsum("tnh,nhw->tnw", weights, means)
        highest = _share_of_maximum(x) * given[:, heads * width :]
        return through_means + times(at_scores, self.kernel.T) + highest

    def _weights(self, x: Array) -> Array:
        scores = times(x, self.kernel) + self.bias
        exponents = np.exp(scores - scores.max(axis=0))
        return exponents / exponents.sum(axis=0)


@dataclass(frozen=True, eq=False)
class Gru:
    """A gated recurrent network, as Keras computes it (`reset_after=True`).

    `kernel`: (width, 3 units); `recurrent`: (units, 3 units); `bias`: (2, 3 units). The gates are
    the update z, the reset r and the candidate h.
    """

    kernel: Array
    recurrent: Array
    bias: Array

    def states(self, x: Array) -> Array:
        """The states after each token: (tokens, n, units)."""
        return self._run(x)[0]

    def gradient(self, x: Array, given: Array) -> Array:
        """From the gradient at the states, (tokens, n, units), to that at `x`."""
        states, gates = self._run(x)
        units = len(self.recurrent)
        at_inputs = np.empty((*x.shape[:2], 3 * units), np.float32)
        carried = np.zeros_like(states[0])
        for t in reversed(range(len(x))):
            update, reset, candidate, recurrent_candidate = gates[t]
            previous = states[t - 1] if t else np.zeros_like(states[0])
            carried = carried + given[t]
            at_candidate = carried * (1 - update) * (1 - candidate**2)
            at_update = carried * (previous - candidate) * update * (1 - update)
            at_reset = at_candidate * recurrent_candidate * reset * (1 - reset)
            at_inputs[t] = np.concatenate([at_update, at_reset, at_candidate], axis=1)
            at_recurrent = np.concatenate([at_update, at_reset, at_candidate * reset], axis=1)
            carried = carried * update + at_recurrent @ self.recurrent.T
        return times(at_inputs, self.kernel.T)

    def _run(self, x: Array) -> tuple[Array, list[tuple[Array, Array, Array, Array]]]:
        units = len(self.recurrent)
        inputs = times(x, self.kernel) + self.bias[0]
        state = np.zeros((x.shape[1], units), np.float32)
        states, gates = np.empty((*x.shape[:2], units), np.float32), []
        for t, given in enumerate(inputs):
            inner = state @ self.recurrent + self.bias[1]
            both = _sigmoid(given[:, : 2 * units] + inner[:, : 2 * units])
            update, reset = both[:, :units], both[:, units:]
            candidate = np.tanh(given[:, 2 * units :] + reset * inner[:, 2 * units :])
            state = update * state + (1 - update) * candidate
            states[t] = state
            gates.append((update, reset, candidate, inner[:, 2 * units :]))
        return states, gates


@dataclass(frozen=True, eq=False)
class BiGru:
    """The maximum over the states of both directions."""

    forward: Gru
    backward: Gru

    def features(self, x: Array) -> Array:
        return self._states(x).max(axis=0)

    def gradient(self, x: Array, given: Array) -> Array:
        at_states = _share_of_maximum(self._states(x)) * given
        units = len(self.forward.recurrent)
        ahead = self.forward.gradient(x, at_states[..., :units])
        back = self.backward.gradient(x[::-1], at_states[::-1, :, units:])
        return ahead + back[::-1]

    def _states(self, x: Array) -> Array:
        return np.concatenate([self.forward.states(x), self.backward.states(x[::-1])[::-1]], axis=2)


def times(x: Array, kernel: Array) -> Array:
    """(tokens, n, width) times (width, features), as one product of matrices."""
    return (x.reshape(-1, x.shape[-1]) @ kernel).reshape(*x.shape[:-1], kernel.shape[1])


def _shifted(n: int, by: int) -> tuple[slice, slice]:
    """The places of n from which the place further on by `by` is one of them, and those places."""
    return slice(max(0, -by), max(0, n - max(0, by))), slice(max(0, by), max(0, n + min(0, by)))


def _share_of_maximum(x: Array) -> Array:
    is_highest = (x == x.max(axis=0)).astype(np.float32)
    return is_highest / is_highest.sum(axis=0)


def _sigmoid(x: Array) -> Array:
    return np.float32(0.5) * (np.tanh(np.float32(0.5) * x) + np.float32(1))


Take = Callable[..., Array]
"""(name, *shape) -> the array of a model with this name and shape; None in the shape is any
number."""


def _read_mean(take: Take, width: int, options: Mapping[str, Any]) -> Encoder:
    return Mean()


def _read_cnn(take: Take, width: int, options: Mapping[str, Any]) -> Encoder:
    names = {size: f"encoder/convolution_{size}" for size in options["kernel_sizes"]}
    kernels = tuple(take(f"{name}/kernel", size, width, None) for size, name in names.items())
    biases = tuple(
        take(f"{name}/bias", kernel.shape[2])
        for name, kernel in zip(names.values(), kernels, strict=True)
    )
    return Cnn(kernels, biases)


def _read_attention(take: Take, width: int, options: Mapping[str, Any]) -> Encoder:
    kernel = take("encoder/scores/kernel", width, None)
    return Attention(kernel, take("encoder/scores/bias", kernel.shape[1]))


def _read_bigru(take: Take, width: int, options: Mapping[str, Any]) -> Encoder:
    def gru(name: str) -> Gru:
        recurrent = take(f"{name}/recurrent", None, None)
        gates = 3 * len(recurrent)
        return Gru(
            take(f"{name}/kernel", width, gates),
            take(f"{name}/recurrent", len(recurrent), gates),
            take(f"{name}/bias", 2, gates),
        )

    return BiGru(gru("encoder/bigru/forward"), gru("encoder/bigru/backward"))


@dataclass(frozen=True)
class EncoderKind:
    """A row of the table.

    `read`: (take, width of the word vectors, options) -> the encoder. `piecewise_linear`: whether
    the gradient alone explains a logit exactly. `prototypes`: whether labels have prototypes.
    """

    read: Callable[[Take, int, Mapping[str, Any]], Encoder]
    piecewise_linear: bool = False
    prototypes: bool = False


ENCODERS: Mapping[str, EncoderKind] = {
    "attention": EncoderKind(_read_attention),
    "bigru": EncoderKind(_read_bigru),
    "cnn": EncoderKind(_read_cnn, piecewise_linear=True),
    "mean": EncoderKind(_read_mean, piecewise_linear=True),
    "metric": EncoderKind(_read_cnn, prototypes=True),
}

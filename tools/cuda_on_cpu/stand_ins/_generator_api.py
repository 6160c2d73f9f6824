"""In the place of cupy.random._generator_api, which is machine code for cards: draws by NumPy."""

from collections.abc import Callable

import numpy as np


def init_curand(generator: object, state: object, seed: object, size: object) -> None:
    """States of generators on a card; here are none."""


class FeistelBijection:
    """Permutations on a card; here are none."""


class Generator:
    """cupy.random.Generator: what NumPy's draws, copied to the device."""

    def __init__(self, bit_generator):
        self.bit_generator = bit_generator
        self._host = np.random.default_rng(int(bit_generator._seed))

    def __getattr__(self, name: str) -> Callable:
        draw = getattr(self._host, name)

        def drawn(*args, **kwargs):
            import cupy

            return cupy.asarray(draw(*args, **kwargs))

        return drawn

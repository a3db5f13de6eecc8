"""The array types that every room uses."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

type Array = NDArray[np.float64]
type Mask = NDArray[np.bool_]

__all__ = ["Array", "ArrayLike", "Mask"]

"""Multiple correspondence analysis of what is present and what is absent."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh


@dataclass(frozen=True, slots=True, eq=False)
class Correspondence:
    """Where the rows lie on the principal axes."""

    coordinates: NDArray[np.float64]
    """Principal coordinates, rows by axes. The direction of an axis means nothing."""
    inertias: NDArray[np.float64]
    """What each axis explains: the eigenvalues of the indicator matrix, falling."""
    shares: NDArray[np.float64]
    """The same after Benzécri's correction, as a share of all axes that count."""


def correspondence(present: NDArray[np.bool_], dimensions: int) -> Correspondence:
    """Analyse the table that says of each row which variables are present.

    Each variable has two categories, present and absent. The analysis is a correspondence
    analysis of the indicator matrix Z: with P = Z / sum(Z), r and c its row and column sums,
    S = diag(r)^-1/2 (P - r c') diag(c)^-1/2 = U D V', the coordinates are diag(r)^-1/2 U D and the
    inertias D². Greenacre (2017), "Correspondence Analysis in Practice", 3rd ed., appendix A and
    ch. 18-19. S V is U D, and V comes from S'S, which is small: no need of the long U.

    Args:
        present: rows by variables.
        dimensions: how many axes to return, fewer if the table has fewer.

    Raises:
        ValueError: a variable is present in all rows, or in none; or there is only one variable.

    """
    rows, variables = present.shape
    if variables < 2 or np.any(present.all(axis=0) | ~present.any(axis=0)):  # noqa: PLR2004
        raise ValueError("Each of at least two variables must be present somewhere, and absent.")
    table = np.hstack([present, ~present]) / (rows * variables)
    masses = table.sum(axis=0)
    residuals = (table - masses / rows) / np.sqrt(masses / rows)
    inertias, axes = eigh(residuals.T @ residuals)
    inertias, axes = np.maximum(inertias[::-1], 0), axes[:, ::-1]
    dimensions = min(dimensions, variables, rows - 1)
    return Correspondence(
        coordinates=residuals @ axes[:, :dimensions] * np.sqrt(rows),
        inertias=inertias[:dimensions],
        shares=_corrected(inertias, variables)[:dimensions],
    )


def _corrected(inertias: NDArray[np.float64], variables: int) -> NDArray[np.float64]:
    """Return the shares after Benzécri (1979): axes below the average of 1/variables count 0."""
    above = np.maximum(inertias - 1 / variables, 0)
    corrected: NDArray[np.float64] = (variables / (variables - 1) * above) ** 2
    whole = float(corrected.sum())
    return corrected / whole if whole > 0 else corrected

"""Where the player and the learner of a scheme begin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from engine.learning.algorithm import Algorithm, Ingredients
from engine.learning.checkpoint import CheckpointError, load_policy
from engine.learning.policy import Options, Policy
from engine.params import Params
from engine.seeds import sequence

#: Of the policies that ship with the package.
POLICIES: Final = Path(__file__).parents[1] / "policies"


@dataclass(frozen=True)
class Kit:
    """A scheme with one set of ingredients.

    Attributes:
        options: how it learns from scratch. shipped: its policy in the package.
    """

    options: Options
    shipped: Path


def start(
    algorithm: Algorithm[Any], kits: Mapping[Ingredients, Kit], params: Params, policy: Path | None
) -> Policy:
    """Where player and learner begin, the same for both.

    Args:
        algorithm: of the scheme.
        kits: by ingredients; who has no own ones has the equal ones always.
        params: of the run; `start` and `ingredients` say where it begins.
        policy: a file to begin with instead; from scratch it may be another scheme's, of which
            AdFL's models are taken where the ingredients have such.

    Raises:
        CheckpointError: the policy cannot be used.
    """
    # A second thread beside a busy core makes small networks many times slower.
    torch.set_num_threads(1)
    ingredients: Ingredients = "own" if params.ingredients == "own" and "own" in kits else "equal"
    kit, scheme = kits[ingredients], algorithm.scheme
    if policy is None and params.start == "scratch":
        return _untrained(algorithm, kit, params, ingredients)
    if policy is None and not kit.shipped.exists():
        raise CheckpointError(
            f"No policy of {scheme} with {ingredients} ingredients ships with this package: "
            f"choose --start scratch, or give one by --policy {scheme}=FILE."
        )
    file = policy or kit.shipped
    state = load_policy(file)
    lends = params.start == "scratch" and state.get("scheme") != scheme
    try:
        if lends and ingredients == "equal":
            return _untrained(algorithm, kit, params, ingredients).foreseeing_by(state)
        return Policy.of(state, algorithm, ingredients)
    except CheckpointError as error:
        raise CheckpointError(f"{file}: {error}") from error


def _untrained(
    algorithm: Algorithm[Any], kit: Kit, params: Params, ingredients: Ingredients
) -> Policy:
    seed = int(sequence(params.seed, algorithm.scheme).generate_state(1)[0] >> 1)
    return Policy.scratch(algorithm, seed, kit.options, ingredients)

"""What AdFL trains: transformer and CVAE as one flat model, predictions and local training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from engine.learning.clients import Loss, local_training
from engine.learning.federation import flatten, unflatten
from engine.learning.memory import OUTCOME, RSU_ROW, TOKEN
from engine.models.cvae import CONTEXT as CVAE_CONTEXT
from engine.models.cvae import LATENT, STATE, Cvae, moments
from engine.models.layers import generator, parameters_of, unequal_rows
from engine.models.transformer import WINDOW, Transformer, prediction_losses
from engine.types import Ints

CVAE_BATCH: Final = 32
#: "L2" of Table V.
CVAE_DECAY: Final = 1e-5


@dataclass(frozen=True)
class Trained:
    """Updates of C clients: deltas (C, P), sigma_n (C,).

    Losses before training, (C,) each: `forecast`, and with the CVAE `cvae` and its parts `cvae_kl`
    and `cvae_reconstruction`.
    """

    deltas: Tensor
    norms: NDArray[np.float64]
    losses: Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Parts:
    """A sample: tokens (..., T, 17), hidden (..., T), context (..., 16), target (..., 5)."""

    tokens: Tensor
    hidden: Tensor
    context: Tensor
    target: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> Parts:
        """From rows of `memory`, with or without the target."""
        at = WINDOW * TOKEN
        return cls(
            tokens=rows[..., :at].reshape(*rows.shape[:-1], WINDOW, TOKEN),
            hidden=rows[..., at : at + WINDOW] > 0.5,
            context=rows[..., at + WINDOW : at + WINDOW + CVAE_CONTEXT],
            target=rows[..., at + WINDOW + CVAE_CONTEXT :],
        )


class Forecaster:
    """Transformer, and the CVAE whose latent its tokens hold if `cvae`.

    Args:
        seed: of the first weights.
        cvae: as above; off, tokens hold x_n itself.
    """

    def __init__(self, seed: int, *, cvae: bool = True) -> None:
        draw = generator(seed)
        self.cvae = cvae
        width = (LATENT if cvae else STATE) + OUTCOME + RSU_ROW
        self._transformer = Transformer(width, draw)
        self._cvae = Cvae(draw)
        self._shapes = parameters_of(self._transformer)
        self._cvae_shapes = parameters_of(self._cvae)
        self._size = sum(value.numel() for value in self._shapes.values())

    def start(self) -> Tensor:
        """w^(0): both models as one vector, (P,)."""
        return torch.cat([flatten(self._shapes), flatten(self._cvae_shapes)])

    @torch.no_grad()
    def predict(self, models: Tensor, rsu: Ints, windows: Tensor) -> Tensor:
        """Outputs (30) of each vehicle by its RSU's model, (n, 4).

        Args:
            models: (M, P), or (1, P) for one that all RSUs share.
            rsu: of each vehicle, (n,).
            windows: as `memory.Windows` gives, (n, .).
        """
        if len(models) == 1:
            return self._run(*self.models(models[0]), Parts.of(windows))
        order = torch.from_numpy(np.argsort(rsu, kind="stable"))
        counts = np.bincount(rsu, minlength=len(models)).tolist()
        parts = Parts.of(windows[order])
        with unequal_rows(self._transformer, counts), unequal_rows(self._cvae, counts):
            sorted_by_rsu = self._run(*self.models(models), parts)
        predicted = torch.empty_like(sorted_by_rsu)
        predicted[order] = sorted_by_rsu
        return predicted

    @torch.no_grad()
    def latent(self, models: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """mu_n and the reconstruction of the newest state, of stacked samples (M, L, .)."""
        parts = Parts.of(rows)
        cvae = self.models(models)[1]
        x = parts.tokens[..., -1, :STATE]
        mean = self._latent(cvae, x, parts.context)
        seen = torch.cat([mean, parts.context], dim=-1)
        return mean, torch.sigmoid(_part(self._cvae.decoder, cvae, "decoder.", seen))

    def train(
        self,
        base: Tensor,
        samples: NDArray[np.float32],
        sizes: Ints,
        rng: np.random.Generator,
        learning_rate: float,
        with_cvae: bool,
    ) -> Trained:
        """One epoch of every client on its own data, Algorithm 3 lines 19-23.

        Args:
            base: the models they fetched, (C, P).
            samples: (C, L, .).
            sizes: how many of them are there, the first ones, (C,).
            rng: of the CVAE's noise.
            learning_rate: of both models.
            with_cvae: train it too.
        """
        rows = torch.from_numpy(samples)
        transformer, cvae = self.models(base)
        there = torch.arange(samples.shape[1]) < torch.from_numpy(sizes)[:, None]  # (C, L)
        trained, norms, first = local_training(
            transformer, [self.loss(cvae, rows, there)], learning_rate
        )
        new = [flatten(trained, models=len(base))]
        told = {"forecast": first}
        if with_cvae:
            said: list[dict[str, Tensor]] = []
            batches = [
                self.cvae_loss(
                    rows[:, at : at + CVAE_BATCH], there[:, at : at + CVAE_BATCH], rng, said
                )
                for at in range(0, samples.shape[1], CVAE_BATCH)
            ]
            better, _, _ = local_training(cvae, batches, learning_rate, CVAE_DECAY)
            new.append(flatten(better, models=len(base)))
            told |= said[0]
        else:
            new.append(base[:, self._size :])
        losses = {name: value.double().numpy() for name, value in told.items()}
        return Trained(torch.cat(new, dim=1) - base, norms, losses)

    def loss(self, cvae: Mapping[str, Tensor], rows: Tensor, there: Tensor) -> Loss:
        """Of the transformer, all four parts, with this CVAE's latents in its tokens.

        Args:
            cvae: stacked, (C, ...).
            rows: samples, (C, L, WIDTH).
            there: those that count, (C, L).
        """
        parts = Parts.of(rows)

        def of(weights: Mapping[str, Tensor]) -> Tensor:
            predicted = self._run(weights, cvae, parts)
            losses = prediction_losses(predicted, parts.target[..., :4], parts.target[..., 4])
            return _mean(losses.sum(dim=-1), there)

        return of

    def cvae_loss(
        self,
        rows: Tensor,
        there: Tensor,
        rng: np.random.Generator,
        said: list[dict[str, Tensor]],
    ) -> Loss:
        """Of the CVAE, (40); only seconds with a task have a whole state.

        Args:
            rows: samples, (C, L, WIDTH).
            there: those that count, (C, L).
            rng: of the noise.
            said: gets the loss and its parts of each client, (C,).
        """
        parts = Parts.of(rows)
        x = parts.tokens[..., -1, :STATE]
        whole = there & (parts.tokens[..., -1, STATE + OUTCOME - 1] > 0.5)
        noise = torch.from_numpy(rng.standard_normal((*x.shape[:-1], LATENT), np.float32))

        def of(weights: Mapping[str, Tensor]) -> Tensor:
            found = functional_call(self._cvae, dict(weights), (x, parts.context, noise))
            total = _mean(found.total, whole)
            said.append(
                {
                    "cvae": total.detach(),
                    "cvae_kl": _mean(found.kl.detach(), whole),
                    "cvae_reconstruction": _mean(found.reconstruction.detach(), whole),
                }
            )
            return total

        return of

    def _run(
        self, transformer: Mapping[str, Tensor], cvae: Mapping[str, Tensor], parts: Parts
    ) -> Tensor:
        tokens = parts.tokens
        if self.cvae:
            wide = parts.context.unsqueeze(-2).expand(*tokens.shape[:-1], -1)
            with torch.no_grad():
                mean = self._latent(cvae, tokens[..., :STATE], wide)
            tokens = torch.cat([mean, tokens[..., STATE:]], dim=-1)
        predicted: Tensor = functional_call(
            self._transformer, dict(transformer), (tokens, parts.hidden)
        )
        return predicted

    def _latent(self, cvae: Mapping[str, Tensor], x: Tensor, context: Tensor) -> Tensor:
        """mu_n, eq. (38)."""
        seen = torch.cat([x, context], dim=-1)
        return moments(_part(self._cvae.encoder, cvae, "encoder.", seen))[0]

    def models(self, flat: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Parameters of transformer and CVAE of models as vectors, (..., P)."""
        return (
            unflatten(flat[..., : self._size], self._shapes),
            unflatten(flat[..., self._size :], self._cvae_shapes),
        )


def _part(module: nn.Module, weights: Mapping[str, Tensor], prefix: str, x: Tensor) -> Tensor:
    """Run a part of a model with that part's weights."""
    mine = {n.removeprefix(prefix): v for n, v in weights.items() if n.startswith(prefix)}
    y: Tensor = functional_call(module, mine, (x,))
    return y


def _mean(losses: Tensor, counted: Tensor) -> Tensor:
    """Mean over the samples that count, of each client, (C,)."""
    weight = counted.to(losses.dtype)
    return (losses * weight).sum(dim=-1) / weight.sum(dim=-1).clamp_min(1.0)

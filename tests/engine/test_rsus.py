"""Where the RSUs stand and what they are made of."""

import numpy as np

from engine import rsus
from engine.params import Params
from engine.physics.channel import distance


def test_the_lattice_covers_every_point() -> None:
    grid = np.stack(np.meshgrid(np.linspace(0, 5000, 101), np.linspace(0, 5000, 101)), -1)
    nearest = distance(grid.reshape(-1, 2), rsus.lattice()).min(axis=1)
    assert len(rsus.lattice()) == 20
    assert nearest.max() < 801.0
    assert nearest.mean() < 460.0


def test_the_mesh_joins_lattice_neighbours_both_ways() -> None:
    links = rsus.links()
    assert len(links) == 31
    mesh = rsus.mesh()
    for a, b in links:
        assert b in mesh[a]
        assert a in mesh[b]
    # East, north, west, south of the unit in the south-west corner.
    assert mesh[0].tolist() == [1, 5, -1, -1]


def test_values_are_quantiles_of_the_sliders() -> None:
    traits = rsus.RsuTraits(3)
    narrow = traits.scene(Params(), ())
    wide = traits.scene(Params(rsu_capacity=(2.0, 4.0), rsu_price=(0.5, 0.5)), (7, 99))
    assert np.allclose((narrow.cpu_hz - 2.5e9) / 1e9, (wide.cpu_hz - 2e9) / 2e9)
    assert (wide.unit_price == 0.5).all()
    assert (narrow.mesh_rate_bps >= 100e6).all()
    assert (narrow.mesh_rate_bps <= 150e6).all()
    assert narrow.up.all()
    assert np.flatnonzero(~wide.up).tolist() == [7]

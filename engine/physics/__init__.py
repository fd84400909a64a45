"""The mathematics of the model: pure functions of arrays in SI units, numpy alone."""

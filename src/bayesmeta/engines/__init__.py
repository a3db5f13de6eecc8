"""Engines: `exact` (quadrature and mixtures of normals) and `nuts` (PyMC and nutpie)."""

"""Auxiliary losses of the routers of mixtures of experts."""

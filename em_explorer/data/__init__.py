"""Data: bundled sets, loaders, generators with their truth, holes."""

"""Tests, in the shape of the tree that they test; what several share is in `conftest`."""

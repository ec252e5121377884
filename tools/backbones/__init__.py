"""Backbones: networks and filters that turn pictures into feature maps, see `tools/features.py`."""

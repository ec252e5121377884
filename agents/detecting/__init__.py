"""Detectors in an inspection: calibrated on a product, and met with what the rules say."""

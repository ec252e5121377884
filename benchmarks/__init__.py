"""Who keeps score: benchmarks, and the demo product."""

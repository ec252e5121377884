"""LogiBench (LogiCode): how well rules are written, how well they decide, and whether they say why.

Three scores after Zhang et al., "LogiCode: an LLM-Driven Framework for Logical Anomaly Detection" (arXiv
2406.04687), whose formulas and data splits are not public: the definitions here are LogiSight's own.
"""

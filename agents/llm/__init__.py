"""Chat models, by endpoint or in this process: what they can, and how they are asked."""

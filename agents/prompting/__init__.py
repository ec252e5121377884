"""What models are sent about one product: put together, encoded, and shown to people."""

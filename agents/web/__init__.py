"""The web page and the HTTP API of inspection sessions."""

"""Inspection sessions: talk about pictures of one product, kept so that nothing is lost."""

"""The tools of inspection sessions for other agents, over the Model Context Protocol."""

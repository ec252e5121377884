"""Who decides: authoring, the inspection graph, products, reports."""

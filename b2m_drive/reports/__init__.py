"""Reports: pages, figures, templates."""

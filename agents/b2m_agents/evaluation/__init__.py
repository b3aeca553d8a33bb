"""How agents drive: measures, scores, text, figure."""
